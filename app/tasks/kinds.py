"""Jobs in a member's words: what each kind is called, and why one failed."""

from __future__ import annotations

from app.core.i18n import _
from app.models import Job
from app.notifications.task_names import task_words


def title(job: Job) -> str:
    """What the job is for."""
    return str(task_words(job.name).title)


def reason(job: Job) -> str:
    """Why the job failed, or "". What the program said is for the operator, and stays in the row."""
    if job.state != "failed":
        return ""
    if job.crashes and job.crashes >= job.attempts:
        return _("It was interrupted again and again. You can start it once more.")
    return _("Something went wrong on our side, also when it was tried again. You can start it once more.")
