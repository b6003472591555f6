"""Routes of registration: the form, the "check your email" page, and the emailed link.

The visitor sees the same pages whether or not the address is in use (docs/decisions/0015-registration.md).
"""

from __future__ import annotations

import secrets

from flask import current_app, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts import actions, bp, link_tokens, queries, sessions
from app.accounts.actions.registration import hash_secret
from app.accounts.forms import RegisterForm
from app.core.database import write_transaction
from app.core.exceptions import ActionError
from app.core.i18n import _, request_language
from app.models import PendingAccount
from app.web import limits
from app.web.responses import flash_error, safe_next
from app.web.viewer import viewer_or_none, writes_late

Answer = str | Response | tuple[str, int]
SESSION_KEY = "registering"
"""The session key of a dict about a pending registration: the address, the secret, and the URL to open afterwards."""


@bp.route("/auth/register", methods=["GET", "POST"])
@limits.register
@limits.register_address
@writes_late
def register() -> Answer:
    """Email the visitor a link that creates their account. Outside production, the first one is created at once."""
    if request.method != "POST" and viewer_or_none() is not None:
        return redirect(_next_url())
    form = RegisterForm(request.form)
    if not form.validate_on_submit():
        return _page(form)
    secret = secrets.token_urlsafe(24)
    language, fields = request_language(viewer_or_none()), (form.username.data, form.email.data, form.password.data)
    try:
        with sessions.write_transaction():
            user = actions.sign_up(
                fields,
                language=language,
                timezone=form.timezone.data or "",
                secret=secret,
                first_is_admin=current_app.config["MICROBLOG_ENV"] != "production",
            )
            if user is not None:
                sessions.begin(user, remember=False)
    except ActionError as refusal:
        if not sessions.show_errors(form, refusal):
            flash(str(refusal), "danger")
        return _page(form)
    if user is not None:
        flash(_("Welcome! We've emailed you a link to confirm your address."), "success")
        return redirect(_next_url(), 303)
    session[SESSION_KEY] = {"email": form.email.data.strip()[:254], "secret": secret, "next": _next_url()}
    return redirect(url_for("accounts.check_email"), 303)


@bp.get("/auth/register/sent")
def check_email() -> Answer:
    """Show the "check your email" page with the visitor's address."""
    waiting = session.get(SESSION_KEY)
    if not isinstance(waiting, dict):
        return redirect(url_for("accounts.register"))
    mail_page = current_app.config["MAIL_PAGE"]
    return render_template("accounts/check_email.html", address=waiting["email"], mail_page=mail_page)


@bp.route("/auth/register/<token>", methods=["GET", "POST"])
@limits.changing
@writes_late
def finish(token: str) -> Answer:
    """Show a page with a button after the user has opened the link in the email. The button creates the account.

    If the user registered in this browser, they are also logged in. In any other browser, they must log in with the
    password, because a stranger may have registered with someone else's address. The owner of the address must not be
    logged in to an account whose password a stranger knows.
    """
    pending = queries.pending_registration(link_tokens.read(current_app.config["SECRET_KEY"], token))
    if pending is None:
        flash(_("This link has expired or has already been used."), "warning")
        return redirect(url_for("accounts.login"), 303)
    if request.method == "GET":
        return render_template("accounts/finish_registration.html", pending=pending)
    try:
        mine = _is_same_browser(pending)
        onward = session[SESSION_KEY]["next"] if mine else url_for("accounts.login")
        with write_transaction():
            user = actions.finish(pending)
            if mine:
                sessions.begin(user, remember=False)
    except ActionError as refusal:
        flash_error(refusal)
        return redirect(url_for("accounts.register"), 303)
    if not mine:
        flash(_("Your account is ready. Log in with the password you chose."), "success")
    else:
        flash(_("Welcome! Your email address is confirmed."), "success")
    return redirect(onward, 303)


def _is_same_browser(pending: PendingAccount) -> bool:
    """Return whether `pending` was registered in this browser."""
    waiting = session.get(SESSION_KEY)
    return isinstance(waiting, dict) and secrets.compare_digest(hash_secret(waiting["secret"]), pending.browser_hash)


def _next_url() -> str:
    return safe_next(request.args.get("next")) or url_for("posts.home")


def _page(form: RegisterForm) -> Answer:
    page = render_template("accounts/register.html", form=form)
    return (page, 422) if request.method == "POST" else page
