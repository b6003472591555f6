"""Routes for resetting a password and confirming an email address with an emailed link.

A GET request changes nothing, because email programs also open links. It shows a page with a button that sends a POST
request.
"""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask import current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import actions, bp, link_tokens, login_limits, queries, sessions
from app.accounts.forms import ResetPasswordForm, ResetRequestForm
from app.core.database import write_transaction
from app.core.exceptions import ActionError
from app.core.i18n import _
from app.models import MailToken
from app.web import limits
from app.web.responses import flash_error
from app.web.viewer import viewer_or_none, writes_late

Answer = str | Response | tuple[str, int]
WITH_TOKEN = {"accounts.reset_password", "accounts.confirm", "accounts.finish"}


@bp.after_request
def set_referrer_policy(response: FlaskResponse) -> FlaskResponse:
    """Set a Referrer-Policy on pages with a token in the URL, so that browsers don't send the token to other sites."""
    if request.endpoint in WITH_TOKEN:
        response.headers["Referrer-Policy"] = "strict-origin"
    return response


@bp.route("/auth/reset_password_request", methods=["GET", "POST"])
@limits.both("5/day", "20/hour", account=login_limits.reset_key)
@writes_late
def reset_password_request() -> Answer:
    """Email a link that resets the password.

    If no account uses the address, the response looks the same and takes the same time.
    """
    form = ResetRequestForm(request.form)
    if not form.validate_on_submit():
        page = render_template("accounts/reset_password_request.html", form=form)
        return (page, 422) if form.is_submitted() else page
    with sessions.write_transaction():
        actions.request_password_reset(queries.by_email(form.email.data))
    flash(_("If an account uses this address, we've sent it a reset link."), "info")
    return redirect(url_for("accounts.login"), 303)


@bp.route("/auth/reset_password/<token>", methods=["GET", "POST"])
@limits.changing
@writes_late
def reset_password(token: str) -> Answer:
    """Set a new password with an emailed link. The link works once. All logins of the user end."""
    link = _link(token, "reset")
    if link is None:
        return _invalid_link("accounts.reset_password_request")
    form = ResetPasswordForm(request.form)
    if not form.validate_on_submit():
        return _reset_page(form, link)
    try:
        with sessions.write_transaction():
            actions.reset_password(link, form.password.data)
    except ActionError as refusal:
        if sessions.show_errors(form, refusal):
            return _reset_page(form, link)
        return _invalid_link("accounts.reset_password_request")
    login_limits.trust_browser(link.user)  # the owner can log in here even while attackers fill the account's counter
    if viewer_or_none() in {None, link.user}:
        sessions.forget()
    flash(_("Your password has been changed. You can now log in."), "success")
    return redirect(url_for("accounts.login"), 303)


@bp.route("/auth/confirm/<token>", methods=["GET", "POST"])
@limits.changing
@writes_late
def confirm(token: str) -> Answer:
    """Confirm an email address with an emailed link: the account's current address, or a new one."""
    link = _link(token, "confirm", "change_email")
    if link is None:
        return _invalid_link(_next_endpoint())
    if request.method == "GET":
        return render_template("accounts/confirm.html", link=link, user=link.user)
    try:
        with write_transaction():
            (actions.confirm_email if link.purpose == "confirm" else actions.move_to_email)(link)
    except ActionError as refusal:
        flash_error(refusal)
        return redirect(url_for(_next_endpoint()), 303)
    flash(_("%(address)s is confirmed.", address=link.email), "success")
    return redirect(url_for(_next_endpoint()), 303)


def _link(token: str, *purposes: str) -> MailToken | None:
    return queries.valid_link(link_tokens.read(current_app.config["SECRET_KEY"], token), *purposes)


def _invalid_link(endpoint: str) -> Response:
    """Show the message for an invalid link, and redirect to `endpoint`.

    The message is the same for every invalid link, so that it reveals nothing about accounts.
    """
    flash(_("This link has expired or has already been used."), "warning")
    return redirect(url_for(endpoint), 303)


def _next_endpoint() -> str:
    return "accounts.login" if viewer_or_none() is None else "accounts.security"


def _reset_page(form: ResetPasswordForm, link: MailToken) -> Answer:
    page = render_template("accounts/reset_password.html", form=form, user=link.user)
    return (page, 422) if form.is_submitted() else page
