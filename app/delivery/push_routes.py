"""Routes of Web Push: a browser subscribes and unsubscribes."""

from __future__ import annotations

from flask import abort, current_app, jsonify, request, send_file
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.errors import ActionError
from app.delivery import bp, subscriptions
from app.extensions import db
from app.lib.webpush import keys
from app.web import limits
from app.web.asset_build import OWN
from app.web.viewer import viewer

WORKER = OWN / "js" / "push_worker.js"


@bp.app_template_global()
def push_key() -> str:
    """Return the public key that browsers subscribe with; "" if the site has no Web Push."""
    private: str = current_app.config["VAPID_PRIVATE_KEY"]
    return keys.public_key(private) if private and current_app.config["PUSH_HOSTS"] else ""


@bp.post("/push/subscribe")
@login_required
@limits.changing
def subscribe_to_push() -> Response | tuple[Response, int]:
    """Subscribe the browser at `endpoint` for the viewer; 422 and an error message if it is not accepted."""
    login = viewer().current_login
    if login is None or not push_key():
        abort(404)
    field = request.form.get
    hosts = current_app.config["PUSH_HOSTS"]
    try:
        subscriptions.subscribe(login, field("endpoint", ""), field("p256dh", ""), field("auth", ""), hosts)
    except ActionError as refusal:
        db.session.rollback()
        return jsonify(error=str(refusal), status=422), 422
    db.session.commit()
    return Response(status=204)


@bp.post("/push/unsubscribe")
@login_required
@limits.changing
def unsubscribe_from_push() -> Response:
    """Unsubscribe the browser at `endpoint`."""
    subscriptions.unsubscribe(viewer(), request.form.get("endpoint", ""))
    db.session.commit()
    return Response(status=204)


@bp.get("/service-worker.js")
def push_worker() -> Response:
    """Return the service worker. It is served at the root, as its scope is limited to URLs below its own."""
    response = send_file(WORKER, "text/javascript")
    response.headers["Cache-Control"] = "no-cache"  # browsers must notice a new version
    return response
