"""Add and remove likes, bookmarks and reposts of posts. No other module adds or removes them.

A person can withdraw their reaction to a post that they can't see anymore, for example because of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Executable, bindparam, column, delete, func, select, table, text
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert

from app.core.database import built_once, insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import PostBookmark, PostLike, PostRepost, User
from app.notifications import record_event, retract_event
from app.posts import queries
from app.posts.actions import notify_followers

NOT_AVAILABLE = _l("This post isn't available anymore.")


def like(person: User, post_id: int) -> None:
    """Like a post, and notify its author. Idempotent. Raises ActionError if the person can't see the post.

    If one of the two users blocks the other at the same time, the like may still be stored. This is harmless, because a
    block also hides existing likes.
    """
    author_id = _lock(person, post_id)
    if _change(_INSERT[PostLike], person, post_id, created_at=now()):
        record_event(author_id, "like", _subject(person, post_id), actor=person, post_id=post_id)


def unlike(person: User, post_id: int) -> bool:
    """Stop liking a post, and retract the author's notification of the like. Idempotent.

    Return whether the person can see the post.
    """
    author_id, is_visible = queries.lock_any(person, post_id)
    if _change(_DELETE[PostLike], person, post_id):
        retract_event(author_id, "like", _subject(person, post_id))
    return is_visible


def bookmark(person: User, post_id: int) -> None:
    """Save a post to the person's bookmarks. Idempotent. Raises ActionError if the person can't see the post."""
    _lock(person, post_id)
    _change(_INSERT[PostBookmark], person, post_id, created_at=now())


def remove_bookmark(person: User, post_id: int) -> bool:
    """Remove a post from the person's bookmarks. Idempotent. Return whether the person can see the post."""
    _author_id, is_visible = queries.lock_any(person, post_id)
    _change(_DELETE[PostBookmark], person, post_id)
    return is_visible


def repost(person: User, post_id: int) -> None:
    """Repost a post, and notify its author and the person's followers. Idempotent.

    Raises ActionError if the person can't see the post, or if not all members can see it. A background job notifies the
    followers, as for a new post.
    """
    author_id = queries.lock_open(person, post_id)
    if author_id is None:
        raise ActionError(NOT_AVAILABLE)
    if db.engine.dialect.name == "sqlite":
        db.session.execute(_NEXT_POST_ID)
    if _change(_insert_repost, person, post_id, created_at=now()):
        record_event(author_id, "repost", _subject(person, post_id), actor=person, post_id=post_id)
        notify_followers(person)


def undo_repost(person: User, post_id: int) -> bool:
    """Remove the person's repost of a post, and retract the author's notification of it. Idempotent.

    Return whether the person can see the post.
    """
    author_id, is_visible = queries.lock_any(person, post_id)
    if _change(_DELETE[PostRepost], person, post_id):
        retract_event(author_id, "repost", _subject(person, post_id))
    return is_visible


def _lock(person: User, post_id: int) -> int:
    """Lock a post until the commit. Return the id of its author. Raises ActionError if the person can't see the post.

    Deleting a post locks the post first, and then its reactions. Adding or removing a reaction must lock them in the
    same order, to prevent deadlocks.
    """
    author_id = queries.lock_visible(person, post_id)
    if author_id is None:
        raise ActionError(NOT_AVAILABLE)
    return author_id


def _change(statement: Callable[[], Executable], person: User, post_id: int, **values: Any) -> bool:
    """Run an INSERT or DELETE of the person's reaction to a post. Return whether it changed a row."""
    return db.session.scalar(statement(), {"user_id": person.id, "post_id": post_id, **values}) is not None


def _subject(person: User, post_id: int) -> str:
    return f"{post_id}:{person.id}"


def _insert(model: Any, **values: Any) -> ReturningInsert[int]:
    keys = [model.post_id, model.user_id]
    # On the table and not on the model, whose inserts have more overhead.
    row = insert_into(model.__table__)
    if values:
        named: dict[str, Any] = {name: bindparam(name) for name in ("user_id", "post_id", "created_at")}
        row = row.values(**named, counted=True, **values)
    row = row.on_conflict_do_nothing(index_elements=keys)
    stmt: ReturningInsert[int] = row.returning(model.__table__.c.id)
    return stmt


def _delete(model: Any) -> ReturningDelete[int]:
    rows = model.__table__
    this = (rows.c.post_id == bindparam("post_id"), rows.c.user_id == bindparam("user_id"))
    return delete(rows).where(*this).returning(rows.c.id)


# Built once, because building them takes longer than running them.
_INSERT = {model: built_once(partial(_insert, model)) for model in (PostLike, PostBookmark)}
_DELETE = {model: built_once(partial(_delete, model)) for model in (PostLike, PostBookmark, PostRepost)}

# SQLite: the last id of AUTOINCREMENT is in a table that statements may change. A post gets a higher id afterwards.
_NEXT_POST_ID = text("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'post'")


@built_once
def _insert_repost() -> ReturningInsert[int]:
    """Insert a repost. Its id is the next one of the sequence of posts."""
    if db.engine.dialect.name == "sqlite":
        sequence = table("sqlite_sequence", column("name"), column("seq"))
        newest = select(sequence.c.seq).where(sequence.c.name == "post").scalar_subquery()
        return _insert(PostRepost, id=newest)
    return _insert(PostRepost, id=func.nextval(func.pg_get_serial_sequence("post", "id")))
