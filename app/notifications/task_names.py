"""Texts about background tasks for their owners: titles, completion messages and reasons for a failure."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.exceptions import Sentence
from app.core.i18n import _, _l
from app.models import Job


@dataclass(frozen=True)
class TaskWords:
    """The texts about one kind of task."""

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
    """Return the texts about jobs with this name. If there are none, return generic texts."""
    return _WORDS.get(name, _OTHER)


def title(job: Job) -> str:
    """Return the title that the task's owner sees."""
    return str(task_words(job.name).title)


def reason(job: Job) -> str:
    """Return a sentence that tells the owner why the task failed, without technical details; "" if it did not fail."""
    if job.state != "failed":
        return ""
    if job.crashes and job.crashes >= job.attempts:
        return _("This task was interrupted several times. You can try again.")
    return _("Something went wrong, even after retrying. You can try again.")
