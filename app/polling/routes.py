"""Route of the poller: GET /notifications?since=<float>."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, current_app, jsonify, request, session

from app.core.database import end_read_transaction
from app.notifications import poll_cache
from app.polling import bp, queries
from app.polling.since import parse_since
from app.web.viewer import unauthorized_json, viewer_or_none, visit


@bp.get("/notifications")
def poll() -> Response:
    """Return the viewer's notifications since a timestamp, oldest first: `[{"name", "data", "timestamp"}]`.

    Idle polls are answered by app/polling/idle.py and do not get here. This view writes nothing to the database,
    sets no cookie and extends no session. It only fills the poll cache.
    """
    found = visit()
    user = viewer_or_none()
    if found is None or user is None:
        return unauthorized_json()
    try:
        timestamp = parse_since(request.args.get("since"))
    except ValueError as error:
        response = jsonify(error=str(error), status=400)
        response.status_code = 400
        return response
    told = queries.since(user.id, timestamp, found.since)
    end_read_transaction()  # return the connection: polls that hold one and wait for a second would exhaust the pool
    poll_cache.fill(found.user_id, found.login_id)
    session.modified = False  # Flask-Login restores a session from the remember cookie; a poll must not
    response = jsonify([asdict(item) for item in told])
    response.headers["Poll-Interval"] = str(current_app.extensions["web_load"].interval)
    return response
