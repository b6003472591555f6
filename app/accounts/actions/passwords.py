"""Actions that change a password, and that reset it with an emailed link."""

from __future__ import annotations

from sqlalchemy import SQLColumnExpression, exists, update

from app.accounts import passwords
from app.accounts.actions import email_links, logins
from app.accounts.actions.notices import enqueue_notice
from app.core.exceptions import ActionError, LoginEnded
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import LoginSession, MailToken, User
from app.queries import people


def change_password(user: User, password: str, *, keep: LoginSession | None) -> None:
    """Change the password of `user`. The caller must first check the old password against `user.password_hash`.

    All logins except `keep` end, emailed links become invalid, and the user is notified by email. Hashing is slow, so
    call this without an open transaction.

    Raises FormError if the new password is not acceptable, ActionError if the old password was changed since the check,
    and LoginEnded if the login `keep` has ended.
    """
    passwords.check_for(user, password)
    same = [User.active, User.password_hash == user.password_hash]
    if keep is not None:
        same.append(exists().where(LoginSession.id == keep.id, LoginSession.expires_at > now()))
    try:
        _replace(user, passwords.hash_password(password), *same)
    except ActionError:
        if keep is not None and people.role_of_login(keep.id) is None:
            raise LoginEnded from None
        raise
    logins.end_logins(user, keep=keep)
    enqueue_notice(user, "password_changed")


def request_password_reset(user: User | None) -> None:
    """Enqueue an email with a link that resets the user's password. If `user` is None, send no email.

    The same SQL statements run in both cases. So the response takes the same time for every address, and does not
    reveal whether an account uses the address.
    """
    if user is None:
        email_links.enqueue_nothing()
    else:
        email_links.enqueue_link(user, "reset", user.email)


def reset_password(link: MailToken, password: str) -> None:
    """Set a new password for the user of `link`. The link cannot be used again.

    All logins end, and the user is notified by email. The link's address counts as confirmed, because the user has read
    an email to this address. Hashing is slow, so call this without an open transaction.

    Raises FormError if the new password is not acceptable, and ActionError if the link is no longer valid.
    """
    user = link.user
    passwords.check_for(user, password)
    fresh = passwords.hash_password(password)
    email_links.use_up(link)
    _replace(user, fresh)
    if link.email == user.email and user.email_confirmed_at is None:
        user.email_confirmed_at = now()
    logins.end_logins(user)
    enqueue_notice(user, "password_changed")


def _replace(user: User, fresh: str, *only_if: SQLColumnExpression[bool]) -> None:
    change = update(User).where(User.id == user.id, *only_if).values(password_hash=fresh, password_changed_at=now())
    if db.session.scalar(change.returning(User.id)) is None:
        raise ActionError(_l("Your password was just changed. Please try again."))
    email_links.revoke(user, "reset", "change_email")
