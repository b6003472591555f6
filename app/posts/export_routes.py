"""Door (HTTP): taking along what one wrote."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.i18n import _
from app.extensions import db
from app.posts import actions, bp
from app.web import limits, reauth
from app.web.viewer import viewer


@bp.post("/export_posts")
@login_required
@reauth.password_needed(reauth.EXPORTING)
@limits.exporting
def export() -> Response:
    """Order the file of all one's posts and messages; the page of one's tasks shows how far it is."""
    _job, new = actions.order_export(viewer())
    db.session.commit()
    if new:
        flash(_("Your posts and messages are being collected. You will be told when the file is ready."), "success")
    else:
        flash(_("Your posts and messages are being collected already."), "info")
    return redirect(url_for("tasks.index"), 303)
