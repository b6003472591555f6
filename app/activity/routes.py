"""Routes of the Activity page: list events, and mark them as read."""

from __future__ import annotations

from flask import abort, render_template, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.activity import actions, bp, cursors, grouping, queries
from app.activity.actions import Span
from app.notifications import preferences
from app.queries.activity import place_of
from app.web.filters import local_date
from app.web.paging import page_size
from app.web.responses import go_back, wants_json
from app.web.viewer import viewer, write_transaction, writes_late


@bp.get("/activity")
@login_required
def index() -> str:
    """List the viewer's events. The events stay unread until the page sends a request that marks them as read."""
    found = queries.page(viewer(), cursors.before(), page_size())
    rows = grouping.rows(found.events, preferences.grid(viewer().id), local_date)
    return render_template(
        "activity/index.html",
        rows=rows,
        span=span_of(found),
        older=cursors.write(found.older) if found.older else None,
        held=queries.filtered_count(viewer()),
    )


@bp.post("/activity/read")
@login_required
@writes_late
def mark_read() -> Response | tuple[str, int]:
    """Mark the viewer's events in the submitted ranges as read."""
    spans = sent_spans()
    with write_transaction():
        actions.mark_read(viewer(), spans)
    if wants_json():
        return "", 204
    return go_back(url_for("activity.index"))


def sent_spans() -> list[Span]:
    """Return the submitted ranges of events. Abort with 400 if they are invalid."""
    try:
        return cursors.ranges()
    except ValueError:
        abort(400)


def span_of(page: queries.EventPage) -> tuple[str, str] | None:
    """Return the cursors of the oldest and the newest event of a page; None for an empty page.

    The page's form submits these cursors, for example to mark the events as read.
    """
    if not page.events:
        return None
    newest, oldest = page.events[0], page.events[-1]
    return cursors.write(place_of(oldest)), cursors.write(place_of(newest))
