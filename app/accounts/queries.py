"""Account queries: users by username or email address, names already in use, valid logins, and emailed links."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import joinedload

from app.accounts.link_tokens import LinkToken
from app.core.time import now
from app.extensions import db
from app.lib.text.names import email_key, username_key, username_skeleton
from app.models import LoginSession, MailToken, PendingAccount, User


def by_login_name(name: str) -> User | None:
    """Return the user with this username or email address, or None. A name with "@" is an address.

    Suspended accounts are included, because the login page tells users of the suspension after they enter the right
    password. Accounts waiting for deletion are included, because a login cancels the deletion.
    """
    column, key = (User.email_key, email_key(name)) if "@" in name else (User.username_key, username_key(name))
    known = or_(User.active, User.suspended_at.is_not(None), User.deletion_due_at > now())
    return db.session.scalar(select(User).where(column == key, known))


def by_email(address: str) -> User | None:
    """Return the user with this email address if they can log in, else None.

    Users whose account waits for deletion can log in, because a login cancels the deletion.
    """
    return db.session.scalar(select(User).where(User.email_key == email_key(address), _can_log_in()))


def names_in_use(*, username: str, email: str) -> set[str]:
    """Return which arguments are in use: a set that contains "username", "email", both or neither.

    A username also counts as in use if it looks like an existing one.
    """
    names = {"username"} if name_is_taken(username) else set()
    return names | ({"email"} if user_with_email(email) else set())


def name_is_taken(username: str) -> bool:
    """Return whether this username, or one that looks like it, is in use."""
    same = or_(User.username_key == username_key(username), User.username_skeleton == username_skeleton(username))
    return db.session.scalar(select(User.id).where(same).limit(1)) is not None


def user_with_email(email: str) -> User | None:
    """Return the user with this email address, or None. Closed and suspended accounts are included."""
    return db.session.scalar(select(User).where(User.email_key == email_key(email)))


def logins_of(user: User) -> Sequence[LoginSession]:
    """Return a user's valid logins, most recently used first."""
    return db.session.scalars(
        select(LoginSession)
        .where(LoginSession.user_id == user.id, LoginSession.expires_at > now())
        .order_by(LoginSession.last_used_at.desc(), LoginSession.id)
    ).all()


def public_id(login: LoginSession) -> str:
    """Return an identifier of a login that pages can show. The login's id is secret, because its cookies contain it."""
    return hashlib.sha256(login.id.encode()).hexdigest()[:20]


def by_public_id(user: User, wanted: str) -> LoginSession | None:
    """Return the valid login of `user` with this public identifier, or None."""
    return next((login for login in logins_of(user) if public_id(login) == wanted), None)


def valid_link(token: LinkToken | None, *purposes: str) -> MailToken | None:
    """Return the row of an emailed link, with its user, or None if the link is not valid.

    A valid link has one of these `purposes`, and was not used or replaced. It has not expired, and its user can log in.
    """
    if token is None or token.purpose not in purposes:
        return None
    return db.session.scalar(
        select(MailToken)
        .join(MailToken.user)
        .where(MailToken.id == token.row_id, MailToken.nonce == token.nonce)
        .where(MailToken.purpose == token.purpose, MailToken.expires_at > now(), _can_log_in())
        .options(joinedload(MailToken.user))
    )


def pending_registration(token: LinkToken | None) -> PendingAccount | None:
    """Return the pending registration of an emailed link, or None if the registration was finished or has expired."""
    if token is None or token.purpose != PendingAccount.purpose:
        return None
    these = PendingAccount.id == token.row_id, PendingAccount.nonce == token.nonce, PendingAccount.expires_at > now()
    return db.session.scalar(select(PendingAccount).where(*these))


def _can_log_in() -> ColumnElement[bool]:
    """Return an SQL condition: whether a user can log in. It corresponds to the property `User.can_log_in`.

    Users of accounts waiting for deletion can log in. They can reset a forgotten password, log in and thereby cancel
    the deletion.
    """
    return or_(User.active, and_(User.suspended_at.is_(None), User.deletion_due_at > now()))
