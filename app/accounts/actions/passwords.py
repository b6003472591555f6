"""Changing a password, by who knows it or by who reads the account's mail."""

from __future__ import annotations

from sqlalchemy import update

from app.accounts import passwords
from app.accounts.actions import email_links, logins
from app.accounts.actions.notices import enqueue_notice
from app.core.clock import now
from app.core.errors import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.models import LoginSession, MailToken, User


def change_password(user: User, password: str, *, keep: LoginSession | None) -> None:
    """Give `user`, whose old password has just been checked against `user.password_hash`, a new one.

    Every other login ends, mailed links die, and a mail says so. Hashes first: call it with no transaction open.
    Raises FormError for a bad password, and ActionError when the old one was changed between the check and now.
    """
    passwords.check_for(user, password)
    _replace(user, passwords.hashed(password), only_if=user.password_hash)
    logins.end_logins(user, keep=keep)
    enqueue_notice(user, "password_changed")


def request_password_reset(user: User | None) -> None:
    """Order the mail with a link to choose a new password; for nobody the same work, and no mail."""
    if user is None:
        email_links.enqueue_nothing()
    else:
        email_links.enqueue_link(user, "reset", user.email)


def reset_password(link: MailToken, password: str) -> None:
    """Use up `link` and give its person a new password: every login ends, and a mail says so.

    Whoever got the link reads that mailbox, so it counts as confirmed. Hashes first: call it with no transaction
    open. Raises FormError for a bad password, and ActionError when the link is not good any more.
    """
    user = link.user
    passwords.check_for(user, password)
    fresh = passwords.hashed(password)
    email_links.use(link)
    _replace(user, fresh)
    if link.email == user.email and user.email_confirmed_at is None:
        user.email_confirmed_at = now()
    logins.end_logins(user)
    enqueue_notice(user, "password_changed")


def _replace(user: User, fresh: str, *, only_if: str | None = None) -> None:
    change = update(User).where(User.id == user.id).values(password_hash=fresh, password_changed_at=now())
    if only_if is not None:
        change = change.where(User.password_hash == only_if)
    if db.session.scalar(change.returning(User.id)) is None:
        raise ActionError(_l("Your password was just changed. Please try again."))
    email_links.end(user, "reset", "change_email")
