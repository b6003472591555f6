"""The route of polls: GET /notifications?since=<float>."""

from __future__ import annotations

from flask import Response, current_app, jsonify, request, session

from app.core.database import end_read_transaction
from app.extensions import db
from app.notifications import poll_cache
from app.polling import bp, queries
from app.polling.idle_middleware import TRIED
from app.polling.queries import Poll
from app.polling.since import parse_since
from app.web.viewer import unauthorized_json, viewer_or_none, visit


@bp.get("/notifications")
def poll() -> Response:
    """Return the viewer's notifications after `since`, oldest first: `[{"name", "data", "timestamp"}]`.

    Most polls don't reach this route, because the middleware answers them (app/polling/idle_middleware.py). The route
    does not write to the database, set a cookie or extend the session. It fills the poll cache, so that the middleware
    can answer the next poll from Redis. If the middleware has just failed to fill the cache, the route doesn't try
    again.
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
    told = queries.notifications(db.session.connection(), Poll(user.id, found.login_id, timestamp), found.since)
    if told is None:  # the login has just ended
        return unauthorized_json()
    end_read_transaction()  # release the connection: fill() takes another, and holding both could exhaust the pool
    if TRIED not in request.environ:
        poll_cache.fill(found.user_id, found.login_id)
    session.modified = False  # set no cookie, even if Flask-Login restored the session from the remember cookie
    response = jsonify(told)
    response.headers["Poll-Interval"] = str(current_app.extensions["web_load"].interval)
    return response
