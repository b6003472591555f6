"""What only this feature reads: whom a login form names, what is taken, a person's logins, and links."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import joinedload

from app.accounts.link_tokens import LinkToken
from app.core.clock import now
from app.extensions import db
from app.lib.text.names import email_key, username_key, username_skeleton
from app.models import LoginSession, MailToken, PendingAccount, User


def by_login_name(name: str) -> User | None:
    """The person whose username or e-mail address that is. An address has an @, a username never.

    Only who knows the password hears that an account is suspended, or takes back its deletion, so they are found here.
    """
    column, key = (User.email_key, email_key(name)) if "@" in name else (User.username_key, username_key(name))
    known = or_(User.active, User.suspended_at.is_not(None), User.deletion_due_at > now())
    return db.session.scalar(select(User).where(column == key, known))


def by_email(address: str) -> User | None:
    """The person with that e-mail address, who may log in or take back the deletion of their account."""
    return db.session.scalar(select(User).where(User.email_key == email_key(address), _can_log_in()))


def taken(*, username: str, email: str) -> set[str]:
    """Which of "username" and "email" someone has already, or has something that looks like it."""
    names = {"username"} if name_is_taken(username) else set()
    return names | ({"email"} if owner_of(email) else set())


def name_is_taken(username: str) -> bool:
    """Whether someone has that username, or one that looks like it."""
    same = or_(User.username_key == username_key(username), User.username_skeleton == username_skeleton(username))
    return db.session.scalar(select(User.id).where(same).limit(1)) is not None


def owner_of(email: str) -> User | None:
    """The person whose account has that address, in whatever state the account is."""
    return db.session.scalar(select(User).where(User.email_key == email_key(email)))


def logins_of(user: User) -> Sequence[LoginSession]:
    """A person's logins that are still good, the one used last first."""
    return db.session.scalars(
        select(LoginSession)
        .where(LoginSession.user_id == user.id, LoginSession.expires_at > now())
        .order_by(LoginSession.last_used_at.desc(), LoginSession.id)
    ).all()


def handle(login: LoginSession) -> str:
    """A name for a login that may stand in a page: its id is half of a cookie, and stays out of sight."""
    return hashlib.sha256(login.id.encode()).hexdigest()[:20]


def by_handle(user: User, wanted: str) -> LoginSession | None:
    """The person's own login of that handle."""
    return next((login for login in logins_of(user) if handle(login) == wanted), None)


def link(token: LinkToken | None, *purposes: str) -> MailToken | None:
    """The row a link names, with its person, if it is for one of `purposes` and still good."""
    if token is None or token.purpose not in purposes:
        return None
    return db.session.scalar(
        select(MailToken)
        .join(MailToken.user)
        .where(MailToken.id == token.row_id, MailToken.nonce == token.nonce)
        .where(MailToken.purpose == token.purpose, MailToken.expires_at > now(), _can_log_in())
        .options(joinedload(MailToken.user))
    )


def pending(token: LinkToken | None) -> PendingAccount | None:
    """The registration a link names, if it still waits."""
    if token is None or token.purpose != PendingAccount.purpose:
        return None
    these = PendingAccount.id == token.row_id, PendingAccount.nonce == token.nonce, PendingAccount.expires_at > now()
    return db.session.scalar(select(PendingAccount).where(*these))


def _can_log_in() -> ColumnElement[bool]:
    """As `User.can_log_in`: who forgot the password takes the deletion of their account back by a new one."""
    return or_(User.active, and_(User.suspended_at.is_(None), User.deletion_due_at > now()))
