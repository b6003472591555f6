"""Ask for the password again ("sudo mode"), to protect sensitive pages from a stolen or unattended session.

The database row of a login stores when the user last entered their password (`LoginSession.password_at`). The decorator
`password_needed` marks the routes that need a recent password. If the user entered the password too long ago:

- A GET request is redirected to the password form at /auth/confirm_password?next=<the page>. After the right password,
  this form redirects back.
- The response to a POST request is the password form, which contains the fields of the request as hidden fields. After
  the right password, the form redirects with 307, so the browser sends the fields to the original URL. The fields never
  appear in a URL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import current_app, jsonify, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from app.core.i18n import _, _l
from app.core.time import now
from app.models import User
from app.web.responses import here, wants_json
from app.web.viewer import SAFE_METHODS, viewer

MODERATION_MAX_AGE = timedelta(hours=1)
"""How long moderators may work after they entered their password."""
EXPORT_MAX_AGE = timedelta(minutes=5)
"""How long members may request and download an export after they entered their password."""

PASSWORD = "current_password"  # noqa: S105 - a field's name
_OWN_FIELDS = frozenset({"csrf_token", PASSWORD})

View = Callable[..., Any]


class ConfirmPasswordForm(FlaskForm):
    """A form with one field: the password of the logged-in user."""

    current_password = PasswordField(
        _l("Your password"),
        [InputRequired(_l("This field is required.")), Length(max=1024, message=_l("This is too long."))],
        render_kw={"autocomplete": "current-password", "autofocus": True},
    )


def has_recent_proof(user: User, within: timedelta) -> bool:
    """Return whether the user entered their password in the current login less than `within` ago."""
    login = user.current_login
    return login is not None and now() - (login.password_at or login.created_at) < within


def password_needed(within: timedelta) -> Callable[[View], View]:
    """Return a decorator that asks for the password, unless the user entered it less than `within` ago.

    Place the decorator below `login_required`, because it needs a logged-in user.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs) if has_recent_proof(viewer(), within) else ask_for_password()

        return guarded

    return decorate


def ask_for_password() -> Response | tuple[str, int]:
    """Return a response that asks for the password and then continues with the current request.

    If the client wants JSON, the response is an error with status 403 instead.
    """
    if wants_json():
        answer = jsonify(error=_("Please confirm your password."))
        answer.status_code = 403
        return answer
    if request.method in SAFE_METHODS:
        return redirect(url_for("accounts.confirm_password", next=here()))
    return page(ConfirmPasswordForm(formdata=None), here(), post=_signer().dumps(_post_to(here()))), 403


def page(form: ConfirmPasswordForm, target: str, *, post: str = "") -> str:
    """Return the page that asks for the password and then continues to `target`.

    The page contains the form fields of the current request as hidden fields. `post` is a signed value that proves that
    the original request was a POST to `target`, for `is_post_to`. It is "" if the original request was a GET.
    """
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in _OWN_FIELDS]
    action = url_for("accounts.confirm_password", next=target, post=post or None)
    return render_template("accounts/confirm_password.html", form=form, action=action, fields=fields)


def is_post_to(target: str, signed: str) -> bool:
    """Return whether the signed value `signed` proves that this user has sent a POST request to `target`.

    Without this check, an attacker's link to the password page could make the user POST to any URL of the site.
    """
    try:
        return bool(_signer().loads(signed) == _post_to(target))
    except BadSignature:
        return False


def _post_to(target: str) -> list[int | str]:
    return [viewer().id, target]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"],
        salt="microblog-post-again",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
