"""Routes that mute and unmute threads."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, jsonify, redirect, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import Lazy, _l
from app.models import User
from app.privacy import actions, bp
from app.web import limits
from app.web.responses import safe_next, wants_json
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late

POST_ID = f"/post/<{ID}:post_id>"


@bp.post(f"{POST_ID}/mute")
@login_required
@limits.reacting
@writes_late
def mute_thread(post_id: int) -> Response | tuple[Response, int]:
    """Mute the thread of a post."""
    return _change(post_id, actions.mute_thread, _l("You won't get notifications about this conversation."))


@bp.post(f"{POST_ID}/unmute")
@login_required
@limits.reacting
@writes_late
def unmute_thread(post_id: int) -> Response | tuple[Response, int]:
    """Unmute the thread of a post."""
    return _change(post_id, actions.unmute_thread, _l("You'll get notifications about this conversation again."))


def _change(post_id: int, change: Callable[[User, int], None], done: Lazy) -> Response | tuple[Response, int]:
    """Call `change(viewer, post_id)`. Respond as the routes of likes do: with JSON to a script, or with a redirect."""
    try:
        with write_transaction():
            change(viewer(), post_id)
    except ActionError as refusal:
        return (jsonify(error=str(refusal)), 404) if wants_json() else abort(404)
    if wants_json():
        return jsonify(done=str(done))
    flash(str(done), "success")
    back = safe_next(request.form.get("next")) or url_for("posts.show", post_id=post_id)
    return redirect(f"{back}#post-{post_id}", 303)
