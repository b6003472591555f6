"""Routes to list, restore and dismiss the notifications that the viewer's filters have hidden."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.activity import actions, bp, cursors, grouping, queries
from app.activity.actions import Span
from app.activity.routes import sent_spans, span_of
from app.core.i18n import _, _n
from app.models import Activity
from app.notifications.sender_filters import REASONS
from app.queries.activity import place_of
from app.web import limits
from app.web.paging import page_size
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late

FILTERED_EVENT = f"/activity/held/<{ID}:event_id>"


def get_filtered_or_404(event_id: int) -> Activity:
    """Return the event with this id if the viewer's filters have hidden it. Otherwise, abort with 404."""
    return queries.filtered_event(viewer(), event_id) or abort(404)


@bp.get("/activity/held")
@login_required
def filtered() -> str:
    """List the events that the viewer's filters have hidden, each with the reason why. The events stay unread."""
    found = queries.filtered_page(viewer(), cursors.before(), page_size())
    rows = [grouping.Row([event], counts=False) for event in found.events]
    return render_template(
        "activity/filtered.html",
        rows=rows,
        reasons=REASONS,
        span=span_of(found),
        older=cursors.write(found.older) if found.older else None,
    )


@bp.post(f"{FILTERED_EVENT}/restore")
@login_required
@limits.changing
@writes_late
def restore(event_id: int) -> Response:
    """Move one event that the viewer's filters have hidden back to the Activity page."""
    place = place_of(get_filtered_or_404(event_id))
    return _restore([(place, place)])


@bp.post("/activity/held/restore")
@login_required
@limits.changing
@writes_late
def restore_shown() -> Response:
    """Move all events that the page of hidden events showed back to the Activity page."""
    return _restore(sent_spans())


@bp.post(f"{FILTERED_EVENT}/dismiss")
@login_required
@limits.changing
@writes_late
def dismiss(event_id: int) -> Response:
    """Dismiss one event that the viewer's filters have hidden: it is no longer listed."""
    event = get_filtered_or_404(event_id)
    with write_transaction():
        actions.dismiss(viewer(), event)
    flash(_("Dismissed."), "success")
    return redirect(url_for("activity.filtered"), 303)


def _restore(spans: list[Span]) -> Response:
    with write_transaction():
        number = actions.restore(viewer(), spans)
    if number:
        flash(
            _n("%(num)s notification moved to Activity.", "%(num)s notifications moved to Activity.", number), "success"
        )
    return redirect(url_for("activity.filtered"), 303)
