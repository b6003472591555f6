"""Likes, bookmarks, pins and reposts of posts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base

MAX_PINS = 5  # posts that a person can pin


class PostLike(Base):
    """A user's like of a post."""

    __tablename__ = "post_like"
    __table_args__ = (
        # Prevents a second row if the button is clicked twice, and finds the likes of a post.
        UniqueConstraint("post_id", "user_id"),
        Index("ix_post_like_user_id_id", "user_id", "id"),  # the user's own list
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)  # lists are ordered and paged by it
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))
    # Whether `PostCount` includes this like. False if the user is inactive (app/posts/counters.py).
    counted: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PostBookmark(Base):
    """A user's bookmark of a post. Other users can't see it."""

    __tablename__ = "post_bookmark"
    __table_args__ = (
        UniqueConstraint("post_id", "user_id"),  # as for likes
        Index("ix_post_bookmark_user_id_id", "user_id", "id"),  # the user's list
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PostPin(Base):
    """A post that its author has pinned to the top of their profile."""

    __tablename__ = "post_pin"
    __table_args__ = (
        UniqueConstraint("post_id"),  # prevents a second row, and tells whether a post is pinned
        Index("ix_post_pin_user_id_id", "user_id", "id"),  # the author's profile
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)  # the latest pin comes first
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PostRepost(Base):
    """A user's repost of a post: the post is on the home timelines of the user's followers, and on the user's profile.

    The ids come from the sequence of ids of `Post`, so one number orders posts and reposts in a timeline. The only code
    that creates them is in app/posts/reactions.py.
    """

    __tablename__ = "post_repost"
    __table_args__ = (
        UniqueConstraint("post_id", "user_id"),  # as for likes
        # The home timeline, which reads the newest reposts of each followed user; and the user's profile.
        Index("ix_post_repost_user_id_id", "user_id", "id", "post_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))
    # Whether `PostCount` includes this repost. False if the user is inactive (app/posts/counters.py).
    counted: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
