"""Add and remove likes and bookmarks of posts. No other module adds or removes them.

A person can withdraw a like or bookmark of a post that they can't see anymore, for example because of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Executable, bindparam, delete
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert

from app.core.database import built_once, insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import PostBookmark, PostLike, User
from app.notifications import record_event, retract_event
from app.posts import queries

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


def _lock(person: User, post_id: int) -> int:
    """Lock a post until the commit. Return the id of its author. Raises ActionError if the person can't see the post.

    Deleting a post locks the post first, and then its likes and bookmarks. Adding or removing a like or bookmark must
    lock them in the same order, to prevent deadlocks.
    """
    author_id = queries.lock_visible(person, post_id)
    if author_id is None:
        raise ActionError(NOT_AVAILABLE)
    return author_id


def _change(statement: Callable[[], Executable], person: User, post_id: int, **values: Any) -> bool:
    """Run an INSERT or DELETE of the person's like or bookmark of a post. Return whether it changed a row."""
    return db.session.scalar(statement(), {"user_id": person.id, "post_id": post_id, **values}) is not None


def _subject(person: User, post_id: int) -> str:
    return f"{post_id}:{person.id}"


def _insert(model: Any) -> ReturningInsert[int]:
    keys = [model.post_id, model.user_id]
    # On the table and not on the model, whose inserts have more overhead.
    row = insert_into(model.__table__).on_conflict_do_nothing(index_elements=keys)
    stmt: ReturningInsert[int] = row.returning(model.__table__.c.id)
    return stmt


def _delete(model: Any) -> ReturningDelete[int]:
    table = model.__table__
    this = (table.c.post_id == bindparam("post_id"), table.c.user_id == bindparam("user_id"))
    return delete(table).where(*this).returning(table.c.id)


# Built once, because building them takes longer than running them.
_INSERT = {model: built_once(partial(_insert, model)) for model in (PostLike, PostBookmark)}
_DELETE = {model: built_once(partial(_delete, model)) for model in (PostLike, PostBookmark)}
