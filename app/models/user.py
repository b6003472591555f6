"""User accounts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from flask_login import UserMixin
from sqlalchemy import String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base

if TYPE_CHECKING:
    from app.models.account import LoginSession


class MessagePrivacy(StrEnum):
    """A user's setting that says who may start a conversation with them. Checked by app/messages/permission.py."""

    EVERYONE = "everyone"
    FRIENDS_OF_FRIENDS = "friends_of_friends"  # people the user follows, and people whom these follow
    FOLLOWING = "following"  # people the user follows
    NOBODY = "nobody"


class User(UserMixin, Base):
    """A user account with its settings."""

    __tablename__ = "user"
    __table_args__ = {"sqlite_autoincrement": True}  # ids are never reused

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64))  # as the user wrote it, NFKC
    username_key: Mapped[str] = mapped_column(String(128), unique=True)  # case-folded, for lookups
    username_skeleton: Mapped[str] = mapped_column(String(128), unique=True)  # the same for usernames that look alike
    name: Mapped[str] = mapped_column(String(64), default="")
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))  # only app/accounts/passwords.py makes and checks it
    about_me: Mapped[str] = mapped_column(Text, default="")
    search_text: Mapped[str] = mapped_column(Text, default="")  # username and name, see app/lib/text/search.py

    language: Mapped[str] = mapped_column(String(16), default="")  # "" = the browser's language
    timezone: Mapped[str] = mapped_column(String(64), default="")  # IANA name; "" = UTC
    theme: Mapped[str] = mapped_column(String(8), default="auto")  # "auto", "light" or "dark"
    avatar: Mapped[str] = mapped_column(String(64), default="")  # name in the media storage; "" = a generated picture

    last_seen: Mapped[datetime | None] = mapped_column(UtcDateTime)
    show_last_seen: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    email_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    password_changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # False for accounts that are suspended or pending deletion. Other users don't see such accounts.
    active: Mapped[bool] = mapped_column(default=True)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When the account will be deleted, unless the user logs in before. The index is for finding accounts to delete.
    deletion_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    # "member", "translator", "moderator" or "admin" (app/core/roles.py)
    role: Mapped[str] = mapped_column(String(12), default="member", server_default="member")
    message_privacy: Mapped[str] = mapped_column(String(20), default=MessagePrivacy.EVERYONE, server_default="everyone")
    post_visibility: Mapped[str] = mapped_column(String(12), default="", server_default="")  # "" = POST_VISIBILITY
    # Codes of the languages of posts in lists, separated by commas; "" = all (app/queries/languages.py).
    reading_languages: Mapped[str] = mapped_column(String(200), default="", server_default="")
    receipts: Mapped[bool] = mapped_column(default=False, server_default=false())  # send and receive read receipts

    @property
    def current_login(self) -> LoginSession | None:
        """The login through which this user was loaded in the current request, or None. It is not a column."""
        return self.__dict__.get("_current_login")

    @current_login.setter
    def current_login(self, login: LoginSession) -> None:
        self.__dict__["_current_login"] = login

    @property
    def display_name(self) -> str:
        """The name that the user has chosen, or else the username."""
        return self.name or self.username

    @property
    def is_active(self) -> bool:
        """Whether the account is active: neither suspended nor pending deletion. Flask-Login reads this property."""
        return self.active

    @property
    def can_log_in(self) -> bool:
        """Whether the user may log in.

        A user may also log in while the account is pending deletion, because this cancels the deletion.
        """
        waits = self.deletion_due_at is not None and self.deletion_due_at > now()
        return self.active or (waits and self.suspended_at is None)

    def get_id(self) -> str:
        """Return the id of the user's current login, not of the user.

        Flask-Login stores this id in its cookies, so deleting the login makes the cookies invalid. Raises LookupError
        if the user was not loaded through a login.
        """
        if self.current_login is None:
            raise LookupError("this person did not come through a login")
        return self.current_login.id

    def __repr__(self) -> str:
        return f"<User {self.username}>"
