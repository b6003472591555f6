"""Ask for the password again ("sudo mode"), to protect sensitive pages from a stolen or unattended session.

The row of a login stores when the password was last entered (`LoginSession.password_at`). The decorator
`password_needed` marks routes that need a recent password. If the password was entered too long ago:

- A GET request is redirected to /auth/confirm_password?next=<the page>, which redirects back.
- A POST request gets the same form, with its own fields as hidden fields. After the right password, the response is a
  redirect with 307, so the browser sends the fields to the original URL. They never appear in a URL.
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
    """The password of the logged-in user."""

    current_password = PasswordField(
        _l("Your password"),
        [InputRequired(_l("This field is required.")), Length(max=1024, message=_l("This is too long."))],
        render_kw={"autocomplete": "current-password", "autofocus": True},
    )


def has_recent_proof(user: User, within: timedelta) -> bool:
    """Return whether the user has entered their password in this login within the last `within`."""
    login = user.current_login
    return login is not None and now() - (login.password_at or login.created_at) < within


def password_needed(within: timedelta) -> Callable[[View], View]:
    """Return a decorator that asks for the password if it was entered longer ago than `within`.

    Place it below `login_required`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs) if has_recent_proof(viewer(), within) else ask_for_password()

        return guarded

    return decorate


def ask_for_password() -> Response | tuple[str, int]:
    """Return a response that asks for the password and then continues with this request."""
    if wants_json():
        answer = jsonify(error=_("Please confirm your password."))
        answer.status_code = 403
        return answer
    if request.method in SAFE_METHODS:
        return redirect(url_for("accounts.confirm_password", next=here()))
    return page(ConfirmPasswordForm(formdata=None), here(), post=_signer().dumps(_post_to(here()))), 403


def page(form: ConfirmPasswordForm, target: str, *, post: str = "") -> str:
    """Return the page that asks for the password and then continues to `target`.

    The form contains the fields of this request as hidden fields. `post` is the signed value that `is_post_to` checks;
    "" if the original request was not a POST.
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
