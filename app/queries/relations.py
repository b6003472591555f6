"""Queries of the mutes and blocks between two users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, select

from app.core.database import built_once
from app.extensions import db
from app.models import Mute
from app.queries import visibility


@dataclass(frozen=True)
class Relation:
    """The mutes and blocks between the viewer and another user."""

    is_blocking: bool = False  # the viewer blocks the other
    is_blocked_either_way: bool = False  # either blocks the other
    is_muting: bool = False  # the viewer mutes the other
    muted_until: datetime | None = None  # None if the mute has no end, or if there is no mute


def columns(viewer_id: Any, other_id: Any) -> tuple[ColumnElement[Any], ...]:
    """Return a column expression for each field of `Relation`, in the same order. Both arguments may be columns."""
    until = select(Mute.until).where(Mute.muter_id == viewer_id, Mute.muted_id == other_id)
    return (
        visibility.is_blocking(viewer_id, other_id),
        visibility.blocked_between(viewer_id, other_id),
        visibility.is_muting(viewer_id, other_id),
        until.scalar_subquery(),
    )


def between(viewer_id: int, other_id: int) -> Relation:
    """Return the mutes and blocks between the viewer and the other user. Runs one query."""
    return Relation(*db.session.execute(_between(), {"viewer_id": viewer_id, "other_id": other_id}).one())


@built_once
def _between() -> Select[Any]:
    return select(*columns(bindparam("viewer_id", type_=Integer), bindparam("other_id", type_=Integer)))
