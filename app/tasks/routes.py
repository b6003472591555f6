"""Routes that show a member's background jobs, retry them, and download their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import abort, flash, redirect, render_template, send_file, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.exports import exports
from app.core.i18n import _
from app.extensions import db
from app.jobs import worker_is_alive
from app.models import Job
from app.notifications import task_names
from app.tasks import actions, bp, queries
from app.web import limits, reauth
from app.web.responses import flash_error
from app.web.viewer import viewer, write_transaction, writes_late


@dataclass(frozen=True)
class Row:
    """A background job as shown on the Tasks page."""

    id: str
    title: str
    state: str
    progress: int
    reason: str
    queued_at: datetime
    can_retry: bool
    download_url: str | None


@bp.get("/tasks")
@login_required
def index() -> str:
    """Show the viewer's recent tasks, their progress, and whether a worker is running."""
    jobs = db.session.scalars(queries.of(viewer())).all()
    rows = [_row(job) for job in jobs]
    return render_template("tasks/index.html", tasks=rows, worker_is_running=_has_worker(jobs))


@bp.post("/tasks/<id>/retry")
@login_required
@limits.exporting
@writes_late
def retry(id: str) -> Response:  # noqa: A002 - as in the URL
    """Retry a failed task."""
    job = queries.one(viewer(), id) or abort(404)
    try:
        with write_transaction():
            actions.retry_task(viewer(), job)
    except ActionError as refusal:
        flash_error(refusal, "warning")
    else:
        flash(_("We'll try this task again."), "success")
    return redirect(url_for("tasks.index"), 303)


@bp.get("/tasks/<id>/download")
@login_required
@reauth.password_needed(reauth.EXPORT_MAX_AGE)
def download(id: str) -> Response:  # noqa: A002 - as in the URL
    """Send the file that a task has created. Respond with 404 if the task is another user's or the file has expired."""
    job = queries.one(viewer(), id) or abort(404)
    try:
        path = exports().path(queries.file_of(job) or "")
        response = send_file(
            path, "application/json", as_attachment=True, download_name=f"microblog-{viewer().username}.json"
        )
    except FileNotFoundError:
        abort(404)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _row(job: Job) -> Row:
    url = url_for("tasks.download", id=job.id) if queries.file_of(job) else None
    failed = job.state == "failed"
    return Row(
        job.id, task_names.title(job), job.state, job.progress, task_names.reason(job), job.queued_at, failed, url
    )


def _has_worker(jobs: Sequence[Job]) -> bool:
    """Return False if a job is queued but no worker is running, otherwise True.

    If Redis is unavailable, it is unknown whether a worker is running, so return True.
    """
    return all(job.state != "queued" for job in jobs) or worker_is_alive() is not False
