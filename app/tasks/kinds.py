"""Jobs in a member's words: what each kind is called, and why one failed."""

from __future__ import annotations

from app.i18n import _, _l
from app.models import Job

TITLES = {
    "posts.export": _l("Export of your posts"),
}


def title(job: Job) -> str:
    """What the job is for. A kind without a name of its own is "Background task"."""
    return str(TITLES.get(job.name) or _("Background task"))


def reason(job: Job) -> str:
    """Why the job failed, or "". What the program said is for the operator, and stays in the row."""
    if job.state != "failed":
        return ""
    if job.crashes and job.crashes >= job.attempts:
        return _("It was interrupted again and again. You can start it once more.")
    return _("Something went wrong on our side, also when it was tried again. You can start it once more.")
