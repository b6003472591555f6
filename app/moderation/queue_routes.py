"""Doors (HTTP) of the moderators: the queue, and looking at what was reported."""

from __future__ import annotations

from flask import abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.core import roles
from app.extensions import db
from app.models import Report, User
from app.moderation import actions, bp, pictures, queries, showing
from app.moderation.showing import REPORT, report_or_404, seen_or_404
from app.web import limits
from app.web.addresses import ID
from app.web.paging import Page, cut, page, page_size, position
from app.web.permissions import role_required
from app.web.viewer import viewer


@bp.app_template_test("moderator")
def is_moderator(person: User) -> bool:
    """Whether pages show this person the way to the queue."""
    return roles.is_at_least(person.role, "moderator")


@bp.get("/moderation")
@role_required("moderator")
def queue() -> str:
    """Open reports, those first that wait longest; or with ?state=resolved the others, newest first."""
    state = "resolved" if request.args.get("state") == "resolved" else "open"
    shown = page(queries.queue(viewer(), state), Report.id) if state == "resolved" else _waiting()
    numbers = queries.numbers(shown.items) if shown.items else {}
    return render_template("moderation/queue.html", state=state, reports=shown, numbers=numbers)


def _waiting() -> Page[Report]:
    """Open reports after the id ?after=; the page's `older` is where the next one begins."""
    waiting, after = queries.queue(viewer(), "open").order_by(Report.id), position("after")
    if after is not None:
        waiting = waiting.where(Report.id > after)
    return cut(waiting.limit(page_size() + 1), size=page_size())


@bp.get(REPORT)
@role_required("moderator")
def show(report_id: int) -> str:
    """A report. The evidence is shown to whom the log says they looked at it."""
    return showing.page(report_id)


@bp.post(f"{REPORT}/look")
@role_required("moderator")
@limits.changing
def look(report_id: int) -> Response:
    """Look at the evidence, which the log remembers."""
    actions.look(viewer(), report_or_404(report_id).id)
    db.session.commit()
    return redirect(url_for("moderation.show", report_id=report_id) + "#evidence", 303)


@bp.get(f"{REPORT}/picture/<{ID}:number>")
@role_required("moderator")
def picture(report_id: int, number: int) -> Response:
    """A picture in evidence, counted from 0; for moderators who look at it, and only while it is what was reported."""
    response = make_response(pictures.read(seen_or_404(report_id), number) or abort(404))
    response.mimetype = "image/webp"
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get(f"{REPORT}/sealed.json")
@role_required("moderator")
def sealed_evidence(report_id: int) -> Response:
    """The signed text with its signature, for moderators who look at the evidence."""
    return showing.signed_file(seen_or_404(report_id), disclose=True)
