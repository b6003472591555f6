"""Functions that the accounts routes share: log users in and out of this browser, and check passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import flash, request, session
from flask_login import login_user, logout_user, user_loaded_from_cookie

from app.accounts import actions, login_limits, passwords
from app.accounts.actions.logins import REMEMBERED_LIFETIME
from app.accounts.errors import FormError
from app.core import database
from app.core.database import end_read_transaction
from app.core.exceptions import ActionError
from app.core.i18n import _
from app.extensions import db
from app.models import User
from app.web import viewer
from app.web.cookies import PERSON_KEY
from app.web.viewer import viewer_or_none


def check_password(user: User | None, password: str) -> bool:
    """Return whether `password` is the password of `user`. If `user` is None, return False after the same time.

    Hashing is slow, so the current read transaction is ended first.
    """
    end_read_transaction()
    return passwords.verify(user.password_hash if user else None, password)


def begin(user: User, *, remember: bool) -> None:
    """Log `user` in on this browser. The caller commits.

    The old session is cleared, to prevent session fixation. If the account is scheduled for deletion, the deletion is
    cancelled. Raises ActionError if the account was closed or its password changed since the password check, or if the
    deletion can no longer be cancelled.
    """
    before, was_leaving = viewer_or_none(), user.deletion_due_at is not None
    if was_leaving:
        actions.cancel_deletion(user)
    login = actions.log_in(
        user,
        user_agent=request.headers.get("User-Agent", ""),
        address=request.remote_addr or "",
        remember=remember,
    )
    if before is not None and before.current_login is not None:
        actions.end_login(before.current_login)  # otherwise, the browser's old login would stay valid
    user.current_login = login
    session.clear()
    session[PERSON_KEY] = user.id
    login_user(user, remember=remember, duration=REMEMBERED_LIFETIME)
    login_limits.trust_browser(user)
    if was_leaving:
        flash(_("Welcome back! Your account has been restored."), "success")


def forget() -> None:
    """Log this browser out: clear the session and delete the remember cookie."""
    session.clear()
    logout_user()


@contextmanager
def write_transaction() -> Iterator[None]:
    """Run the `with` block in a write transaction (app/core/database.py).

    If the block raises ActionError, loaded objects are detached before the rollback, so that the page can use them
    without reloading them. Reloading would fail if the user's login has just ended.
    """
    with database.write_transaction(), _detach_if_refused():
        yield


@contextmanager
def viewer_write_transaction(*, check: bool = True) -> Iterator[None]:
    """Run the `with` block of a view for logged-in users in a write transaction.

    Before the block, check again that the viewer's login and role are valid (app/web/viewer.py), unless `check` is
    false. If the block raises ActionError, loaded objects are detached before the rollback, so that the page can use
    them without reloading them.
    """
    with viewer.write_transaction(check=check), _detach_if_refused():
        yield


@contextmanager
def _detach_if_refused() -> Iterator[None]:
    try:
        yield
    except ActionError:
        db.session.expunge_all()
        raise


def show_errors(form: Any, refusal: ActionError) -> bool:
    """Show the error messages of `refusal` at the fields of `form` to which they belong.

    Return whether a message was shown.
    """
    errors = refusal.errors if isinstance(refusal, FormError) else {}
    shown = [name for name in errors if name in form]
    for name in shown:
        form[name].errors = [*form[name].errors, errors[name]]
    return bool(shown)


def _restore_person(_sender: object, user: User) -> None:
    session[PERSON_KEY] = user.id


user_loaded_from_cookie.connect(_restore_person)  # the idle poll reads the user's id from the session
