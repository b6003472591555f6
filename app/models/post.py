"""Posts, their tags, and drafts of posts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.user import User


class Post(Base):
    """A short public text. Timelines are ordered and paged by `id`."""

    __tablename__ = "post"
    # Profiles, and the home timeline, which reads the newest posts of each followed author.
    __table_args__ = (
        Index("ix_post_author_id_id", "author_id", "id"),
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    body: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(16), default="")  # chosen by the author; "" = unknown
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # The words to search. A migration creates the full-text index, which depends on the database engine.
    search_text: Mapped[str] = mapped_column(Text, default="", deferred=True)
    # Unique, so that a form that is submitted twice creates one post. A digest of author, form key and text.
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)

    author: Mapped[User] = relationship(lazy="raise")


class PostTag(Base):
    """A tag in a post. The rows are used to suggest tags, most recently used first."""

    __tablename__ = "post_tag"
    # The latest post with a given tag. The primary key serves to find the latest uses of all tags.
    __table_args__ = (Index("ix_post_tag_key_post_id", "key", "post_id"),)

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # app/lib/text/search.py, `tag_key`
    name: Mapped[str] = mapped_column(String(64))  # as the author wrote it, without #


class PostDraft(Base):
    """The draft of a post. Pages that show the same draft have the same form key."""

    __tablename__ = "post_draft"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    form_key: Mapped[str] = mapped_column(String(40), primary_key=True)
    body: Mapped[str] = mapped_column(Text)  # "" after it is emptied or sent
    language: Mapped[str] = mapped_column(String(16), default="")
    is_sent: Mapped[bool] = mapped_column(default=False, server_default=false())  # if True, later saves are ignored
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
