"""What stands between two people because one of them said so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from app.extensions import db
from app.models import Mute
from app.queries import visibility

# Of User.writable_by: who may begin to write to somebody. What each means is decided in app/messages/permission.py.
WRITABLE_BY = ("everyone", "known", "following", "nobody")


@dataclass(frozen=True)
class Relation:
    """How a viewer and another person stand to each other."""

    is_blocking: bool = False  # the viewer blocks the other
    is_blocked_either_way: bool = False  # either blocks the other
    is_muting: bool = False  # the viewer does not hear of the other
    muted_until: datetime | None = None  # None while muted: until it is taken back


def columns(viewer_id: Any, other_id: Any) -> tuple[ColumnElement[Any], ...]:
    """The fields of a Relation in their order, as part of another query; both may be columns."""
    until = select(Mute.until).where(Mute.muter_id == viewer_id, Mute.muted_id == other_id)
    return (
        visibility.is_blocking(viewer_id, other_id),
        visibility.blocked_between(viewer_id, other_id),
        visibility.is_muting(viewer_id, other_id),
        until.scalar_subquery(),
    )


def between(viewer_id: int, other_id: int) -> Relation:
    """The relation as it is now. One query."""
    return Relation(*db.session.execute(select(*columns(viewer_id, other_id))).one())
