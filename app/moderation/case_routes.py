"""Routes for moderators: the queue of reports, a report with its evidence, and the actions on it.

The audit log records each action.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.core import roles
from app.core.exceptions import ActionError
from app.core.i18n import _
from app.models import Report, ReportState, User
from app.moderation import actions, bp, evidence_images, queries, report_page
from app.moderation.forms import NoteForm
from app.moderation.report_page import REPORT, report_or_404, viewed_report_or_404
from app.queries.post_history import versions
from app.web import limits
from app.web.paging import Page, before_id, cut, page, page_size, position
from app.web.permissions import role_required
from app.web.responses import flash_error
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late


@bp.app_template_test("moderator")
def is_moderator(person: User) -> bool:
    """Return whether a user is a moderator or an admin."""
    return roles.is_at_least(person.role, "moderator")


@bp.get("/moderation")
@role_required("moderator")
def queue() -> str:
    """Show the open reports, oldest first. With ?state=resolved, show the resolved reports, newest first."""
    state = ReportState.RESOLVED if request.args.get("state") == "resolved" else ReportState.OPEN
    shown = page(queries.queue(viewer(), state), Report.id) if state == ReportState.RESOLVED else _waiting()
    numbers = queries.evidence_counts(shown.items) if shown.items else {}
    return render_template("moderation/queue.html", state=state, reports=shown, numbers=numbers)


def _waiting() -> Page[Report]:
    """Return a page of the open reports with ids greater than ?after=, oldest first.

    The attribute `older` of the returned page is the value of ?after= for the next page.
    """
    waiting, after = queries.queue(viewer(), ReportState.OPEN).order_by(Report.id), position("after")
    if after is not None:
        waiting = waiting.where(Report.id > after)
    return cut(waiting.limit(page_size() + 1), size=page_size())


@bp.get(REPORT)
@role_required("moderator")
def show(report_id: int) -> str:
    """Show a report.

    The evidence is shown only if the audit log records that the moderator has opened it.
    """
    return report_page.page(report_id)


@bp.post(f"{REPORT}/look")
@role_required("moderator")
@limits.changing
@writes_late
def view_evidence(report_id: int) -> Response:
    """Record in the audit log that the moderator views the evidence, then show it."""
    report_or_404(report_id)
    with write_transaction():
        actions.view_evidence(viewer(), report_id)
    return redirect(url_for("moderation.show", report_id=report_id) + "#evidence", 303)


@bp.get(f"{REPORT}/picture/<{ID}:number>")
@role_required("moderator")
def picture(report_id: int, number: int) -> Response:
    """Serve image `number` of the evidence, counted from 0.

    The response is 404 if the moderator has not opened the evidence, or if the image file has changed since the report.
    """
    response = make_response(evidence_images.read(viewed_report_or_404(report_id), number) or abort(404))
    response.mimetype = "image/webp"
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get(f"{REPORT}/sealed.json")
@role_required("moderator")
def sealed_evidence(report_id: int) -> Response:
    """Serve the signed text of a report with its signature.

    The response is 404 if the moderator has not opened the evidence.
    """
    return report_page.signed_file(viewed_report_or_404(report_id), disclose=True)


@bp.get(f"{REPORT}/post")
@role_required("moderator")
@limits.comparing
def post_history(report_id: int) -> str:
    """Show the versions of the reported post, newest first, even if the moderator can't open the page of the post.

    The response is 404 if the moderator has not opened the evidence, or if the post was deleted.
    """
    report = viewed_report_or_404(report_id)
    post = queries.post_of_report(report) or abort(404)
    found, older = versions(post, before=before_id(), size=page_size())
    return render_template("posts/history.html", post=post, versions=Page(found, older), report=report)


Answer = Response | tuple[str, int]


@bp.post(f"{REPORT}/assign")
@role_required("moderator")
@limits.changing
@writes_late
def assign(report_id: int) -> Answer:
    """Assign a report to the viewer."""
    return _perform(report_id, actions.assign, _("Report assigned to you."))


@bp.post(f"{REPORT}/release")
@role_required("moderator")
@limits.changing
@writes_late
def release(report_id: int) -> Answer:
    """Unassign a report, so that another moderator can take it."""
    return _perform(report_id, actions.release, _("Report unassigned. Other moderators can now take it."))


@bp.post(f"{REPORT}/resolve")
@role_required("moderator")
@limits.changing
@writes_late
def resolve(report_id: int) -> Answer:
    """Mark a report as resolved, with a note about the decision."""
    return _perform(report_id, actions.resolve, _("Report resolved."), _note())


@bp.post(f"{REPORT}/warn")
@role_required("moderator")
@limits.changing
@writes_late
def warn(report_id: int) -> Answer:
    """Send a warning to the accused user."""
    return _perform(report_id, actions.warn, _("Warning sent."), _note())


@bp.post(f"{REPORT}/remove_post")
@role_required("moderator")
@limits.changing
@writes_late
def remove_post(report_id: int) -> Answer:
    """Delete the reported post."""
    return _perform(report_id, actions.remove_post, _("Post removed."), _note())


@bp.post(f"{REPORT}/suspend")
@role_required("moderator")
@limits.changing
@writes_late
def suspend(report_id: int) -> Answer:
    """Suspend the account of the accused user."""
    return _perform(report_id, _suspend, _("Account suspended."))


@bp.post(f"{REPORT}/reinstate")
@role_required("moderator")
@limits.changing
@writes_late
def reinstate(report_id: int) -> Answer:
    """Reinstate the account of the accused user."""
    return _perform(report_id, _reinstate, _("Account reinstated."))


def _suspend(moderator: Any, report_id: int) -> None:
    actions.suspend(moderator, report_or_404(report_id).accused_id, report_id=report_id)


def _reinstate(moderator: Any, report_id: int) -> None:
    actions.reinstate(moderator, report_or_404(report_id).accused_id, report_id=report_id)


def _perform(report_id: int, act: Callable[..., None], done: str, *words: str) -> Answer:
    """Call the action `act` with the report and `words`, commit, show the message `done`, and redirect to the report.

    If the action raises ActionError, show the report again, with the moderator's text in the form.
    """
    report_or_404(report_id)
    try:
        with write_transaction():
            act(viewer(), report_id, *words)
    except ActionError as refusal:
        flash_error(refusal)
        return report_page.page(report_id, {request.endpoint or "": "".join(words)}), 422
    flash(done, "success")
    return redirect(url_for("moderation.show", report_id=report_id), 303)


def _note() -> str:
    form = NoteForm(request.form)
    return (form.words.data or "")[:20_000]
