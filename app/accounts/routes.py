"""Routes for logging in and out."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import actions, bp, login_limits, queries, sessions
from app.accounts.forms import LoginForm
from app.core.database import write_transaction
from app.core.exceptions import ActionError
from app.core.i18n import _
from app.web import limits
from app.web.responses import safe_next
from app.web.viewer import viewer_or_none, writes_late

Answer = str | Response | tuple[str, int]


@bp.route("/auth/login", methods=["GET", "POST"])
@limits.login
@writes_late
def login() -> Answer:
    """Log in with a username or email address and a password, then redirect to the page of this site in ?next=."""
    if request.method != "POST" and viewer_or_none() is not None:
        return redirect(_next_url())
    form = LoginForm(request.form)
    if not form.validate_on_submit():
        return _page(form)
    user = queries.by_login_name(form.username.data)
    allowed = login_limits.count_attempt(user, form.username.data)
    right = sessions.check_password(user, form.password.data)
    if user is None or not right or not allowed:
        flash(
            _("Incorrect username or password. After ten failed attempts, wait five minutes or reset your password."),
            "danger",
        )
        return _page(form)
    if user.suspended_at is not None:
        flash(_("This account is suspended."), "danger")
        return _page(form)
    try:
        with sessions.write_transaction():
            sessions.begin(user, remember=form.remember_me.data)
    except ActionError as refusal:
        sessions.show_errors(form, refusal)
        flash(str(refusal), "danger")
        return _page(form)
    return redirect(_next_url(), 303)


@bp.post("/auth/logout")
@writes_late
def logout() -> Response:
    """Log out: delete the row of the login, which invalidates its cookies and any stolen copy of them."""
    user = viewer_or_none()
    if user is not None and user.current_login is not None:
        with write_transaction():
            actions.end_login(user.current_login)
    sessions.forget()
    return redirect(url_for("accounts.login"), 303)


def _next_url() -> str:
    return safe_next(request.args.get("next")) or url_for("posts.home")


def _page(form: LoginForm) -> Answer:
    page = render_template("accounts/login.html", form=form)
    return (page, 422) if request.method == "POST" else page
