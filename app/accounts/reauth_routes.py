"""The page that asks logged-in users for their password again before sensitive actions (app/web/reauth.py)."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.accounts import actions, bp, sessions
from app.accounts.security_routes import password_limit
from app.core.exceptions import ActionError
from app.core.i18n import _
from app.web import reauth
from app.web.responses import safe_next
from app.web.viewer import viewer, writes_late


@bp.route("/auth/confirm_password", methods=["GET", "POST"])
@login_required
@password_limit
@writes_late
def confirm_password() -> str | Response | tuple[str, int]:
    """Ask for the password, then redirect to the page in ?next=.

    If the user was about to submit a form, redirect with 307, so that the browser sends the form's fields again.
    """
    target = safe_next(request.args.get("next")) or url_for("posts.home")
    post = request.args.get("post", "")
    form = reauth.ConfirmPasswordForm(request.form)
    if request.method != "POST":
        return reauth.page(form, target)
    if not form.validate_on_submit():
        return reauth.page(form, target, post=post), 422
    if not sessions.check_password(viewer(), form.current_password.data):
        form.current_password.errors = [_("Incorrect password.")]
        return reauth.page(form, target, post=post), 422
    try:
        with sessions.viewer_write_transaction():
            actions.confirm_password(viewer())
    except ActionError as refusal:
        sessions.show_errors(form, refusal)
        return redirect(url_for("accounts.login", next=target), 303)
    return redirect(target, 307 if reauth.is_post_to(target, post) else 303)
