"""Doors (HTTP) of the link that ends mail of some kinds.

Opening it changes nothing, for mail programs open links too: it leads to a page with a button. The button and the mail
programs of RFC 8058 post to the same address.
"""

from __future__ import annotations

from flask import Response, abort, render_template, request

from app.delivery import actions, bp, unsubscribe_links
from app.extensions import db
from app.models import User
from app.notifications.kinds import KINDS, Kind
from app.web import limits
from app.web.csrf import csrf


@bp.after_request
def keep_token_to_itself(response: Response) -> Response:
    """A page whose address is a secret tells no other page that address."""
    if request.endpoint in {"delivery.unsubscribe", "delivery.end_mail"}:
        response.headers["Referrer-Policy"] = "strict-origin"
    return response


@bp.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> str:
    """Ask whether mail of these kinds should end."""
    _user, kinds = _named(token)
    return render_template("notifications/unsubscribe.html", kinds=kinds, is_done=False)


@bp.post("/unsubscribe/<token>")
@csrf.exempt  # the signed address is the proof: a mail program that posts here has no session, and no page to read
@limits.unsubscribing
def end_mail(token: str) -> str:
    """End mail of these kinds. Posted twice, it is ended once. The answer is no redirect, as RFC 8058 asks."""
    user, kinds = _named(token)
    actions.stop_mail(user, [kind.name for kind in kinds])
    db.session.commit()
    return render_template("notifications/unsubscribe.html", kinds=kinds, is_done=True)


def _named(token: str) -> tuple[User, list[Kind]]:
    link = unsubscribe_links.read(token) or abort(404)
    user = db.session.get(User, link.user_id)
    if user is None or not link.kinds:
        abort(404)
    return user, [KINDS[kind] for kind in link.kinds]
