"""Logins, links sent by email, and registrations that are not confirmed yet."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.user import User


def random_id() -> str:
    """Return an unguessable id: 192 random bits, safe in a URL."""
    return secrets.token_urlsafe(24)


class LoginSession(Base):
    """A login in a browser.

    The session cookie and the remember cookie contain the id of the login. Deleting the row logs the browser out.
    """

    __tablename__ = "login_session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=random_id)
    # The index is for listing and ending all logins of a user.
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # When the password was last confirmed in this browser; None = not since the login.
    password_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_agent: Mapped[str] = mapped_column(String(256), default="")
    address: Mapped[str] = mapped_column(String(64), default="")
    remembered: Mapped[bool] = mapped_column(default=False)

    user: Mapped[User] = relationship()


class MailToken(Base):
    """A link, sent by email, that can be used once. Using it deletes the row."""

    __tablename__ = "mail_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    # The index is for revoking a user's older links when they request a new one or log in.
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))  # "confirm", "reset" or "change_email"
    email: Mapped[str] = mapped_column(String(254))  # the address it was sent to
    nonce: Mapped[str] = mapped_column(String(64), default=random_id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()


class PendingAccount(Base):
    """A registration whose email address is not confirmed yet.

    Confirming the address creates the account and deletes this row. Usernames and email addresses are not unique in
    this table, so a pending registration does not reserve them. The registration form therefore can't reveal that
    someone else is registering with the same username or address.
    """

    __tablename__ = "pending_account"
    purpose = "register"  # of the link, like MailToken.purpose

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64))
    email: Mapped[str] = mapped_column(String(254))
    # The index is for deleting other registrations with the same address when one is confirmed.
    email_key: Mapped[str] = mapped_column(String(320), index=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    language: Mapped[str] = mapped_column(String(16), default="")
    timezone: Mapped[str] = mapped_column(String(64), default="")
    browser_hash: Mapped[str] = mapped_column(String(64))  # SHA-256 of a secret in the session that registered
    nonce: Mapped[str] = mapped_column(String(64), default=random_id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
