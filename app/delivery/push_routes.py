"""Routes of Web Push: subscribe and unsubscribe a browser, and serve the service worker."""

from __future__ import annotations

from flask import abort, current_app, jsonify, request, send_file
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.delivery import bp, subscriptions
from app.lib.webpush import keys
from app.web import limits
from app.web.asset_build import OWN
from app.web.viewer import viewer, write_transaction, writes_late

WORKER = OWN / "js" / "push_worker.js"


@bp.app_template_global()
def push_key() -> str:
    """Return the VAPID public key that browsers need to subscribe; "" if Web Push is not configured."""
    private: str = current_app.config["VAPID_PRIVATE_KEY"]
    return keys.public_key(private) if private and current_app.config["PUSH_HOSTS"] else ""


@bp.post("/push/subscribe")
@login_required
@limits.changing
@writes_late
def subscribe_to_push() -> Response | tuple[Response, int]:
    """Subscribe the browser at `endpoint` to pushes for the viewer.

    If the subscription is rejected, respond with status 422 and an error message.
    """
    login = viewer().current_login
    if login is None or not push_key():
        abort(404)
    field = request.form.get
    hosts = current_app.config["PUSH_HOSTS"]
    try:
        with write_transaction(check=False):  # the action locks the login
            subscriptions.subscribe(login, field("endpoint", ""), field("p256dh", ""), field("auth", ""), hosts)
    except ActionError as refusal:
        return jsonify(error=str(refusal), status=422), 422
    return Response(status=204)


@bp.post("/push/unsubscribe")
@login_required
@limits.changing
@writes_late
def unsubscribe_from_push() -> Response:
    """Remove the viewer's subscription of the browser at `endpoint`."""
    with write_transaction():
        subscriptions.unsubscribe(viewer(), request.form.get("endpoint", ""))
    return Response(status=204)


@bp.get("/service-worker.js")
def push_worker() -> Response:
    """Serve the service worker. Its URL is at the root, because it controls only pages below the path of its URL."""
    response = send_file(WORKER, "text/javascript")
    response.headers["Cache-Control"] = "no-cache"  # browsers must notice a new version
    return response
