"""Routes of the unsubscribe links in emails.

A GET request changes nothing, because email programs also open links to check them. It shows a page with a button. The
button posts to the same URL, as email programs with one-click unsubscribe do (RFC 8058).
"""

from __future__ import annotations

from flask import Response, abort, render_template, request

from app.core.database import write_transaction
from app.delivery import actions, bp, unsubscribe_links
from app.extensions import db
from app.models import User
from app.notifications.kinds import KINDS, Kind
from app.web import limits
from app.web.csrf import csrf
from app.web.viewer import writes_late


@bp.after_request
def set_referrer_policy(response: Response) -> Response:
    """Set a Referrer-Policy on pages with a token in the URL, so that browsers don't send the token to other sites."""
    if request.endpoint in {"delivery.unsubscribe", "delivery.end_mail"}:
        response.headers["Referrer-Policy"] = "strict-origin"
    return response


@bp.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> str:
    """Show a page with a button that turns off email about the kinds of notifications in the link."""
    _user, kinds = _user_and_kinds(token)
    return render_template("notifications/unsubscribe.html", kinds=kinds, is_done=False)


@bp.post("/unsubscribe/<token>")
@csrf.exempt  # email programs have no session and no CSRF token; the signature in the URL authorises them
@limits.unsubscribing
@writes_late
def end_mail(token: str) -> str:
    """Turn off email about the kinds of notifications in the link. Idempotent.

    The response is a page, because RFC 8058 forbids a redirect.
    """
    user, kinds = _user_and_kinds(token)
    with write_transaction():
        actions.disable_email(user, [kind.name for kind in kinds])
    return render_template("notifications/unsubscribe.html", kinds=kinds, is_done=True)


def _user_and_kinds(token: str) -> tuple[User, list[Kind]]:
    link = unsubscribe_links.read(token) or abort(404)
    user = db.session.get(User, link.user_id)
    if user is None or not link.kinds:
        abort(404)
    return user, [KINDS[kind] for kind in link.kinds]
