"""The route that schedules the deletion of an account. Logging in again cancels the deletion."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.accounts import actions, bp, sessions
from app.accounts.actions.deletion import GRACE_PERIOD
from app.accounts.forms import DeleteAccountForm
from app.accounts.security_routes import password_limit
from app.core.exceptions import ActionError
from app.core.i18n import _
from app.web.viewer import viewer, writes_late


@bp.route("/auth/delete_account", methods=["GET", "POST"])
@login_required
@password_limit
@writes_late
def delete_account() -> str | Response | tuple[str, int]:
    """Show a page that explains account deletion. After the user submits the password, schedule the deletion."""
    form = DeleteAccountForm(request.form)
    if request.method != "POST":
        return _page(form)
    if not form.validate_on_submit():
        return _page(form), 422
    if not sessions.check_password(viewer(), form.current_password.data):
        form.current_password.errors = [_("Incorrect password.")]
        return _page(form), 422
    try:
        with sessions.viewer_write_transaction():
            actions.schedule_deletion(viewer())
    except ActionError as refusal:
        sessions.show_errors(form, refusal)
        flash(str(refusal), "danger")
        return _page(form), 422
    sessions.forget()
    flash(_("Your account is closed. We've emailed you instructions to restore it."), "info")
    return redirect(url_for("accounts.login"), 303)


def _page(form: DeleteAccountForm) -> str:
    return render_template("accounts/delete_account.html", form=form, days=GRACE_PERIOD.days)
