"""Posts and replies, their tags and counters, and drafts of posts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.user import User

# Conditions of partial indexes. A query must contain them literally.
IS_ROOT = text("reply_to_id IS NULL")
IS_REPLY = text("reply_to_id IS NOT NULL")
PATH_LENGTH = 384  # app/queries/threads.py explains the path


class Post(Base):
    """A short public text. Timelines are ordered and paged by `id`.

    A reply is a post with `reply_to_id`. It stays when the post that it replies to is deleted, so `reply_to_id` and
    `tree_id` have no foreign key.
    """

    __tablename__ = "post"
    __table_args__ = (
        Index("ix_post_author_id_id", "author_id", "id"),  # profiles
        # The home timeline, which reads the newest posts of each followed author.
        Index("ix_post_author_id_roots", "author_id", "id", sqlite_where=IS_ROOT, postgresql_where=IS_ROOT),
        Index("ix_post_roots", "id", sqlite_where=IS_ROOT, postgresql_where=IS_ROOT),  # Explore
        # The descendants of a post, in the order of the thread.
        Index("ix_post_tree", "tree_id", "tree_path", sqlite_where=IS_REPLY, postgresql_where=IS_REPLY),
        # Counting replies, and those by authors whom the viewer doesn't see.
        Index("ix_post_reply_to_id", "reply_to_id", "author_id", sqlite_where=IS_REPLY, postgresql_where=IS_REPLY),
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

    # The place of a reply in its thread, see app/queries/threads.py. A post that isn't a reply has None and "".
    reply_to_id: Mapped[int | None]
    tree_id: Mapped[int | None]
    # With the C collation, PostgreSQL compares bytes, as SQLite does.
    tree_path: Mapped[str] = mapped_column(
        String(PATH_LENGTH).with_variant(String(PATH_LENGTH, collation="C"), "postgresql"),
        default="",
        server_default="",
    )
    # Whether `PostCount` includes this reply. False if its author is inactive (app/posts/counters.py).
    counted: Mapped[bool] = mapped_column(default=True, server_default=true())

    author: Mapped[User] = relationship(lazy="raise")
    # What the viewer sees of the post's reactions, and their own. Only queries in app/queries/timelines.py load these.
    reply_count: Mapped[int | None] = query_expression()  # None if nobody ever replied or liked
    like_count: Mapped[int | None] = query_expression()
    is_liked: Mapped[bool | None] = query_expression()  # by the viewer
    is_bookmarked: Mapped[bool | None] = query_expression()
    replied_to: Mapped[str | None] = query_expression()  # username; None if the viewer can't see that post


class PostCount(Base):
    """The numbers of replies to a post and of its likes. Triggers maintain them (migrations/post_counts.py).

    A post has no row until it gets its first reply or like. The numbers are not part of the post's row, because every
    reader loads that row and its updates would wait for each other.
    """

    __tablename__ = "post_count"

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    replies: Mapped[int] = mapped_column(default=0, server_default="0")
    likes: Mapped[int] = mapped_column(default=0, server_default="0")


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
