"""Queries for the users and threads that a user blocks or mutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, select

from app.extensions import db
from app.models import Block, Mute, Post, User
from app.queries import visibility


@dataclass(frozen=True)
class Listed:
    """A blocked or muted user. `until` is when the mute ends; None for a block, or for a mute without an end."""

    person: User
    until: datetime | None


@dataclass(frozen=True)
class People:
    """A page of blocked or muted users, newest account first."""

    rows: Sequence[Listed]
    older: int | None  # the `before` of the next page; None on the last page


def blocked(viewer: User, before: int | None, size: int) -> People:
    """Return a page of the users whom the viewer blocks. Runs one query."""
    query = select(User, literal(None)).join(Block, Block.blocked_id == User.id).where(Block.blocker_id == viewer.id)
    return _page(query, before, size)


def muted(viewer: User, before: int | None, size: int) -> People:
    """Return a page of the users whom the viewer mutes. Runs one query."""
    query = select(User, Mute.until).join(Mute, Mute.muted_id == User.id).where(Mute.muter_id == viewer.id)
    return _page(query, before, size)


def thread_roots(viewer: User, post_id: int) -> list[int]:
    """Return the ids of `visibility.thread_roots` of a post, the topmost last; [] if the viewer can't see the post."""
    this = (Post.id == post_id, visibility.post_is_visible(viewer.id))
    row = db.session.execute(select(*visibility.thread_roots()).join(Post.author).where(*this)).one_or_none()
    return [root_id for root_id in row or () if root_id is not None]


def _page(query: Select[*tuple[Any, ...]], before: int | None, size: int) -> People:
    query = query.where(User.active).order_by(User.id.desc()).limit(size + 1)
    if before is not None:
        query = query.where(User.id < before)
    rows = [Listed(*row) for row in db.session.execute(query)]
    return People(rows[:size], rows[size - 1].person.id if len(rows) > size else None)
