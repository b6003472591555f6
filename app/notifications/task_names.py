"""Names of tasks for members: what each kind of task is called, how its end is told, and why one failed."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import Sentence
from app.core.i18n import _, _l
from app.models import Job


@dataclass(frozen=True)
class TaskWords:
    """The words for one kind of job."""

    title: Sentence
    done: Sentence
    failed: Sentence


_WORDS = {
    "posts.export": TaskWords(
        title=_l("Export of your posts and messages"),
        done=_l("Your export is ready"),
        failed=_l("Your export failed"),
    ),
}
_OTHER = TaskWords(
    title=_l("Background task"),
    done=_l("Your background task is done"),
    failed=_l("Your background task failed"),
)


def task_words(name: str) -> TaskWords:
    """The words for the job of that name; general ones for a kind without words of its own."""
    return _WORDS.get(name, _OTHER)


def title(job: Job) -> str:
    """What the job is for."""
    return str(task_words(job.name).title)


def reason(job: Job) -> str:
    """Why the job failed, or "". What the program said is for the operator, and stays in the row."""
    if job.state != "failed":
        return ""
    if job.crashes and job.crashes >= job.attempts:
        return _("This kept getting interrupted. You can try again.")
    return _("Something went wrong, even after retrying. You can try again.")
