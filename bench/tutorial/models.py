"""The tables of the tutorial's app, and the rules that it keeps in its models."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import md5
from time import time
from typing import Any

from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Select, String, Table, Text, func, or_, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    WriteOnlyMapped,
    aliased,
    mapped_column,
    relationship,
)


class Base(DeclarativeBase):
    """The base class of the tutorial's models."""


db = SQLAlchemy(model_class=Base)

followers = Table(
    "followers",
    Base.metadata,
    Column("follower_id", ForeignKey("user.id"), primary_key=True),
    Column("followed_id", ForeignKey("user.id"), primary_key=True),
)


def _utc() -> datetime:
    return datetime.now(UTC)


class User(UserMixin, Base):
    """A user."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), index=True, unique=True)
    email: Mapped[str] = mapped_column(String(120), index=True, unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(256))
    about_me: Mapped[str | None] = mapped_column(String(140))
    last_seen: Mapped[datetime | None] = mapped_column(default=_utc)
    last_message_read_time: Mapped[datetime | None]

    posts: WriteOnlyMapped[Post] = relationship(back_populates="author")
    messages_sent: WriteOnlyMapped[Message] = relationship(foreign_keys="Message.sender_id", back_populates="author")
    messages_received: WriteOnlyMapped[Message] = relationship(
        foreign_keys="Message.recipient_id", back_populates="recipient"
    )
    notifications: WriteOnlyMapped[Notification] = relationship(back_populates="user")
    following: WriteOnlyMapped[User] = relationship(
        secondary=followers,
        primaryjoin="followers.c.follower_id == User.id",
        secondaryjoin="followers.c.followed_id == User.id",
        back_populates="followers",
    )
    followers: WriteOnlyMapped[User] = relationship(
        secondary=followers,
        primaryjoin="followers.c.followed_id == User.id",
        secondaryjoin="followers.c.follower_id == User.id",
        back_populates="following",
    )

    def avatar(self, size: int) -> str:
        """Return the URL of the user's Gravatar."""
        digest = md5(self.email.lower().encode()).hexdigest()
        return f"https://www.gravatar.com/avatar/{digest}?d=identicon&s={size}"

    def following_posts(self) -> Select[Post]:
        """Select the posts of the user and of those whom they follow, newest first."""
        author, follower = aliased(User), aliased(User)
        return (
            select(Post)
            .join(Post.author.of_type(author))
            .join(author.followers.of_type(follower), isouter=True)
            .where(or_(follower.id == self.id, author.id == self.id))
            .group_by(Post)  # type: ignore[arg-type]  # by all its columns
            .order_by(Post.timestamp.desc())
        )

    def unread_message_count(self) -> int:
        """Return how many messages have arrived since the user opened the list of messages."""
        since = self.last_message_read_time or datetime(1900, 1, 1, tzinfo=UTC)
        query = select(Message).where(Message.recipient == self, Message.timestamp > since)
        return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0

    def add_notification(self, name: str, data: Any) -> None:
        """Replace the notification `name`."""
        db.session.execute(self.notifications.delete().where(Notification.name == name))
        db.session.add(Notification(name=name, payload_json=json.dumps(data), user=self))


class Post(Base):
    """A post."""

    __tablename__ = "post"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(String(140))
    timestamp: Mapped[datetime] = mapped_column(index=True, default=_utc)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    language: Mapped[str | None] = mapped_column(String(5))

    author: Mapped[User] = relationship(back_populates="posts")


class Message(Base):
    """A private message."""

    __tablename__ = "message"

    id: Mapped[int] = mapped_column(primary_key=True)
    sender_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    recipient_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    body: Mapped[str] = mapped_column(String(140))
    timestamp: Mapped[datetime] = mapped_column(index=True, default=_utc)

    author: Mapped[User] = relationship(foreign_keys=sender_id, back_populates="messages_sent")
    recipient: Mapped[User] = relationship(foreign_keys=recipient_id, back_populates="messages_received")

    language = None  # the page of messages shows them with the template of posts


class Notification(Base):
    """What a poll returns."""

    __tablename__ = "notification"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    timestamp: Mapped[float] = mapped_column(index=True, default=time)
    payload_json: Mapped[str] = mapped_column(Text)

    user: Mapped[User] = relationship(back_populates="notifications")

    def data(self) -> Any:
        """Return the decoded payload."""
        return json.loads(self.payload_json)
