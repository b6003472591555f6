"""Routes that pin a post to the top of its author's profile, and unpin it."""

from __future__ import annotations

from flask import flash, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _
from app.posts import bp, pins
from app.posts.routes import POST_ID
from app.web import limits
from app.web.responses import flash_error, go_back
from app.web.viewer import viewer, write_transaction, writes_late


@bp.post(f"{POST_ID}/pin")
@login_required
@limits.changing
@writes_late
def pin(post_id: int) -> Response:
    """Pin the viewer's own post to the top of their profile."""
    try:
        with write_transaction():
            pins.pin(viewer(), post_id)
        flash(_("Pinned to your profile."), "success")
    except ActionError as refusal:
        flash_error(refusal)
    return _back()


@bp.post(f"{POST_ID}/unpin")
@login_required
@limits.changing
@writes_late
def unpin(post_id: int) -> Response:
    """Unpin the viewer's own post."""
    with write_transaction():
        pins.unpin(viewer(), post_id)
    flash(_("Unpinned."), "success")
    return _back()


def _back() -> Response:
    return go_back(url_for("profiles.show", username=viewer().username))
