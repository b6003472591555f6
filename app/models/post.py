"""Posts, replies and quotes, their tags and counters, and drafts of posts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, false, literal_column, text, true
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.image import PostImage
from app.models.post_poll import PostPoll
from app.models.user import User

# Conditions of partial indexes. A query must contain them literally.
IS_REPLY = text("reply_to_id IS NOT NULL")
IS_OPEN_ROOT = text("reply_to_id IS NULL AND visibility IN ('public', 'members')")
IS_HOME_ROOT = text("reply_to_id IS NULL AND visibility <> 'mentioned'")
IS_RESTRICTED = text("visibility IN ('followers', 'mentioned')")
IS_RESTRICTED_REPLY = text("reply_to_id IS NOT NULL AND visibility IN ('followers', 'mentioned')")
IS_QUOTE = text("quote_of_id IS NOT NULL")
IS_RESTRICTED_QUOTE = text("quote_of_id IS NOT NULL AND visibility IN ('followers', 'mentioned')")
WARNING_LENGTH = 120  # characters
PATH_LENGTH = 384  # app/queries/threads.py explains the path


class Visibility(StrEnum):
    """The visibility levels of posts, from the widest to the narrowest.

    A level says who can see a post. The author and the people whom the post mentions can see it at every level.
    """

    PUBLIC = "public"  # like MEMBERS, until there are pages for visitors
    MEMBERS = "members"
    FOLLOWERS = "followers"  # the author's followers
    MENTIONED = "mentioned"  # no one else


OFFERED = (Visibility.MEMBERS, Visibility.FOLLOWERS, Visibility.MENTIONED)  # what the author of a post can choose
RESTRICTED_LEVELS = (Visibility.FOLLOWERS, Visibility.MENTIONED)  # not for all members
# What can be the default of a member or of a site.
DEFAULTS = (Visibility.MEMBERS, Visibility.FOLLOWERS)
# Literals instead of parameters. With parameters, neither engine would use the partial indexes.
OPEN: tuple[ColumnElement[str], ...]
RESTRICTED: tuple[ColumnElement[str], ...]
OPEN = tuple(literal_column(f"'{level}'") for level in (Visibility.PUBLIC, Visibility.MEMBERS))
RESTRICTED = tuple(literal_column(f"'{level}'") for level in RESTRICTED_LEVELS)
ONLY_MENTIONED: ColumnElement[str] = literal_column(f"'{Visibility.MENTIONED}'")


def narrower(one: str, other: str) -> Visibility:
    """Return the narrower of two visibility levels: the one that fewer people are included in."""
    return max(Visibility(one), Visibility(other), key=list(Visibility).index)


class QuotedPost(NamedTuple):
    """A quoted post as a card shows it. app/queries/quotes.py loads it."""

    id: int
    body: str
    language: str
    warning: str
    visibility: str
    created_at: datetime
    reply_to_id: int | None
    has_images: bool
    author: User


class Post(Base):
    """A post, a reply or a quote. Timelines are ordered and paged by `id`.

    A reply has the id of the post that it answers in `reply_to_id`, and a quote has the id of the post that it quotes
    in `quote_of_id`. When that post is deleted, the reply or quote is kept, so `reply_to_id`, `tree_id` and
    `quote_of_id` have no foreign key.
    """

    __tablename__ = "post"
    __table_args__ = (
        Index("ix_post_author_id_id", "author_id", "id"),  # profiles
        # The home timeline, which reads the newest posts of each followed author.
        Index("ix_post_author_id_home", "author_id", "id", sqlite_where=IS_HOME_ROOT, postgresql_where=IS_HOME_ROOT),
        # The posts that a list of people reads of an author whom the viewer doesn't follow.
        Index("ix_post_author_id_open", "author_id", "id", sqlite_where=IS_OPEN_ROOT, postgresql_where=IS_OPEN_ROOT),
        Index("ix_post_open_roots", "id", sqlite_where=IS_OPEN_ROOT, postgresql_where=IS_OPEN_ROOT),  # Explore
        # Explore, for viewers who chose the languages that they read.
        Index(
            "ix_post_open_roots_language",
            "language",
            "id",
            sqlite_where=IS_OPEN_ROOT,
            postgresql_where=IS_OPEN_ROOT,
        ),
        # The number of an author's posts that the viewer doesn't see.
        Index(
            "ix_post_author_id_restricted",
            "author_id",
            "visibility",
            "id",
            sqlite_where=IS_RESTRICTED,
            postgresql_where=IS_RESTRICTED,
        ),
        # The descendants of a post, in the order of the thread.
        Index("ix_post_tree", "tree_id", "tree_path", sqlite_where=IS_REPLY, postgresql_where=IS_REPLY),
        # Counting replies, and those by authors whom the viewer doesn't see.
        Index("ix_post_reply_to_id", "reply_to_id", "author_id", sqlite_where=IS_REPLY, postgresql_where=IS_REPLY),
        # The number of replies whose level hides them from the viewer.
        Index(
            "ix_post_reply_to_id_restricted",
            "reply_to_id",
            "visibility",
            "author_id",
            sqlite_where=IS_RESTRICTED_REPLY,
            postgresql_where=IS_RESTRICTED_REPLY,
        ),
        # The list of the quotes of a post.
        Index("ix_post_quote_of_id_id", "quote_of_id", "id", sqlite_where=IS_QUOTE, postgresql_where=IS_QUOTE),
        # Counting quotes, and those by authors whom the viewer doesn't see.
        Index(
            "ix_post_quote_of_id_author_id",
            "quote_of_id",
            "author_id",
            sqlite_where=IS_QUOTE,
            postgresql_where=IS_QUOTE,
        ),
        # The number of quotes whose level hides them from the viewer.
        Index(
            "ix_post_quote_of_id_restricted",
            "quote_of_id",
            "visibility",
            "author_id",
            sqlite_where=IS_RESTRICTED_QUOTE,
            postgresql_where=IS_RESTRICTED_QUOTE,
        ),
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    body: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(16), default="")  # chosen by the author; "" = unknown
    visibility: Mapped[str] = mapped_column(String(12), default=Visibility.MEMBERS, server_default="members")
    # Readers see this instead of `body`, until they open it; "" = no warning.
    warning: Mapped[str] = mapped_column(String(WARNING_LENGTH), default="", server_default="")
    # Whether there are rows of PostImage. Pages read those rows only if a post on the page has images.
    has_images: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # How often the text or the warning was edited, and when the last time. The earlier versions are in PostRevision.
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
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
    quote_of_id: Mapped[int | None]  # the post that this post quotes; a reply quotes no post
    # Whether `PostCount` includes this reply or quote. False if its author is inactive (app/posts/counters.py).
    counted: Mapped[bool] = mapped_column(default=True, server_default=true())

    # The id of this post if it has a poll. So loading posts without polls needs no statement that looks for polls.
    poll_id: Mapped[int | None]

    author: Mapped[User] = relationship(lazy="raise")
    # Loaded by `images_of` in app/queries/post_images.py.
    images: Mapped[list[PostImage]] = relationship(lazy="raise", order_by="PostImage.position", viewonly=True)
    poll: Mapped[PostPoll | None] = relationship(
        primaryjoin="foreign(Post.poll_id) == PostPoll.post_id", lazy="raise", viewonly=True
    )
    # What the viewer sees of the post's reactions, and their own. Only queries in app/queries/timelines.py load these.
    reply_count: Mapped[int | None] = query_expression()  # None if nobody ever replied, liked or reposted
    like_count: Mapped[int | None] = query_expression()
    repost_count: Mapped[int | None] = query_expression()
    is_liked: Mapped[bool | None] = query_expression()  # by the viewer
    is_reposted: Mapped[bool | None] = query_expression()
    is_bookmarked: Mapped[bool | None] = query_expression()
    is_thread_muted: Mapped[bool | None] = query_expression()
    is_pinned: Mapped[bool | None] = query_expression()  # to the top of its author's profile
    own_choices: Mapped[int | None] = query_expression()  # `PostPollVote.choices` of the viewer; None without a vote
    replied_to: Mapped[str | None] = query_expression()  # username; None if the viewer can't see that post
    quote_count: Mapped[int | None] = query_expression()  # only loaded for the post's own page; None if 0
    # Not a column. app/queries/quotes.py sets it. None if the viewer can't see the quoted post.
    quoted = cast("QuotedPost | None", None)


class PostRevision(Base):
    """An earlier version of a post that was edited. Rows are never changed. The current version is in the post."""

    __tablename__ = "post_revision"

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # the value of Post.revision for this version, from 0
    body: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(16), default="")
    warning: Mapped[str] = mapped_column(String(WARNING_LENGTH), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)  # when this version was published


class PostCount(Base):
    """The numbers of reactions to a post. Database triggers maintain them (migrations/post_counts.py).

    A post has no row until it gets its first reply, like, repost or quote. The numbers are not columns of Post, so that
    a new reaction does not change the row of the post, which every timeline reads.
    """

    __tablename__ = "post_count"

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    replies: Mapped[int] = mapped_column(default=0, server_default="0")
    likes: Mapped[int] = mapped_column(default=0, server_default="0")
    reposts: Mapped[int] = mapped_column(default=0, server_default="0")
    quotes: Mapped[int] = mapped_column(default=0, server_default="0")


class PostRecipient(Base):
    """A person who can see a post of the visibility level "followers" or "mentioned" without following its author.

    The recipients of a post are the people whom it mentions. If a reply is for the author's followers, the author of
    the post that it answers is a recipient, too. The author of a post is a recipient only if the post is for mentioned
    people, because home reads those by recipient. Posts of the other levels have no recipients.
    """

    __tablename__ = "post_recipient"

    # The order of the columns serves the home timeline, which reads a person's latest posts.
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True, index=True)


class PostTag(Base):
    """A tag in a post that all members can see and that has no content warning.

    The rows are used to suggest tags, most recently used first, and for the pages of tags.
    """

    __tablename__ = "post_tag"
    # The posts with a given tag, newest first. The primary key serves to find the latest uses of all tags.
    __table_args__ = (Index("ix_post_tag_key_post_id", "key", "post_id"),)

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # app/lib/text/search.py, `tag_key`
    name: Mapped[str] = mapped_column(String(64))  # as the author wrote it, without #


class PostDraft(Base):
    """The draft of a post. Open pages that show the same draft have the same form key."""

    __tablename__ = "post_draft"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    form_key: Mapped[str] = mapped_column(String(40), primary_key=True)
    body: Mapped[str] = mapped_column(Text)  # "" after it is emptied or sent
    language: Mapped[str] = mapped_column(String(16), default="")
    visibility: Mapped[str] = mapped_column(String(12), default="", server_default="")  # "" = the author's default
    warning: Mapped[str] = mapped_column(String(WARNING_LENGTH), default="", server_default="")
    # The post that it answers. Only a reply that is deleted and redrafted has such a draft. It has no foreign key,
    # because the draft is kept when that post is deleted.
    reply_to_id: Mapped[int | None]
    is_sent: Mapped[bool] = mapped_column(default=False, server_default=false())  # if True, later saves are ignored
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
