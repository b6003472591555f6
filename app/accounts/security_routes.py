"""Routes of the security page: email address, password, and active logins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.accounts import actions, bp, queries, sessions, user_agents
from app.accounts.forms import EmailForm, PasswordForm
from app.core.exceptions import ActionError
from app.core.i18n import _
from app.extensions import limiter
from app.models import LoginSession
from app.web import limits
from app.web.responses import flash_error
from app.web.viewer import viewer, write_transaction, writes_late

Answer = Response | tuple[str, int]

# Stricter than other limits, because someone with a stolen session could guess the password or send many emails.
password_limit = limiter.limit("10/5 minutes", key_func=limits.by_account, methods=["POST"])
email_limit = limiter.limit("5/hour;10/day", key_func=limits.by_account, methods=["POST"])
# Limits the emails to one address, so that many accounts together cannot flood a stranger's mailbox.
recipient_limit = limiter.limit(
    "5/day",
    key_func=limits.by_named("email"),
    methods=["POST"],
    deduct_when=lambda answer: answer.status_code == 303,  # only sent emails count, not a mistyped password
)


@dataclass(frozen=True)
class LoginRow:
    """A login, as shown on the security page."""

    handle: str  # identifies the login in the page's form
    current: bool  # this browser
    browser: str  # "Firefox", or "" if unknown
    system: str  # "Linux", or ""
    address: str
    created_at: datetime
    last_used_at: datetime
    remembered: bool


@bp.get("/auth/security")
@login_required
def security() -> str:
    """Show the email address, the password form, and all active logins."""
    return _page()


@bp.post("/auth/security/email")
@login_required
@password_limit
@email_limit
@recipient_limit
@writes_late
def change_email() -> Answer:
    """Request a change of the email address. It takes effect when the new address is confirmed."""
    form = EmailForm(request.form)
    if not form.validate_on_submit() or not _check_password(form, "current_password"):
        return _page(email_form=form), 422
    try:
        with sessions.viewer_write_transaction():
            actions.request_email_change(viewer(), form.email.data)
    except ActionError as refusal:
        if not sessions.show_errors(form, refusal):
            flash(str(refusal), "danger")
        return _page(email_form=form), 422
    flash(_("We've emailed your new address. Your address won't change until you confirm it."), "info")
    return _back()


@bp.post("/auth/security/password")
@login_required
@password_limit
@writes_late
def change_password() -> Answer:
    """Change the password, and end all other logins."""
    form = PasswordForm(request.form)
    if not form.validate_on_submit() or not _check_password(form, "old_password"):
        return _page(password_form=form), 422
    try:
        with sessions.viewer_write_transaction(check=False):  # the action hashes the password before it writes
            actions.change_password(viewer(), form.password.data, keep=viewer().current_login)
    except ActionError as refusal:
        if not sessions.show_errors(form, refusal):
            flash(str(refusal), "danger")
        return _page(password_form=form), 422
    flash(_("Your password has been changed. You've been logged out everywhere else."), "success")
    return _back()


@bp.post("/auth/security/confirmation")
@login_required
@email_limit
@writes_late
def resend_confirmation() -> Answer:
    """Send the confirmation email again."""
    try:
        with write_transaction():
            actions.send_confirmation(viewer())
    except ActionError as refusal:
        flash_error(refusal, "info")
        return _back()
    flash(_("Email sent."), "info")
    return _back()


@bp.post("/auth/security/logins/<handle>/end")
@login_required
@limits.changing
@writes_late
def end_login(handle: str) -> Answer:
    """End one login of the viewer. If it is the current login, the viewer is logged out of this browser."""
    login = queries.by_public_id(viewer(), handle) or abort(404)
    with write_transaction():
        actions.end_login(login)
    if _is_current(login):
        sessions.forget()
        return redirect(url_for("accounts.login"), 303)
    flash(_("That device has been logged out."), "success")
    return _back()


@bp.post("/auth/security/logins/end")
@login_required
@limits.changing
@writes_late
def end_all_logins() -> Answer:
    """End all logins, including the current one."""
    with write_transaction():
        actions.end_logins(viewer())
    sessions.forget()
    flash(_("You've been logged out everywhere."), "success")
    return redirect(url_for("accounts.login"), 303)


def _check_password(form: EmailForm | PasswordForm, name: str) -> bool:
    if sessions.check_password(viewer(), form[name].data):
        return True
    form[name].errors = [_("Incorrect password.")]
    return False


def _is_current(login: LoginSession) -> bool:
    current = viewer().current_login
    return current is not None and current.id == login.id


def _back() -> Response:
    return redirect(url_for("accounts.security"), 303)


def _page(*, email_form: EmailForm | None = None, password_form: PasswordForm | None = None) -> str:
    return render_template(
        "accounts/security.html",
        email_form=email_form or EmailForm(formdata=None),
        password_form=password_form or PasswordForm(formdata=None),
        logins=[_row(login) for login in queries.logins_of(viewer())],
    )


def _row(login: LoginSession) -> LoginRow:
    return LoginRow(
        handle=queries.public_id(login),
        current=_is_current(login),
        browser=user_agents.browser(login.user_agent),
        system=user_agents.system(login.user_agent),
        address=login.address,
        created_at=login.created_at,
        last_used_at=login.last_used_at,
        remembered=login.remembered,
    )
