"""What happened to a person. One condition builds page, badge, mail and push, so they cannot disagree."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Tuple,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import aliased, joinedload

from app.extensions import db
from app.models import Activity, DeliveryPreference, Post, User
from app.queries import visibility

# Not a parameter: for a plan that fits any value, neither engine would use the index of what is unread.
EMPTY: ColumnElement[str] = literal_column("''")
# As in visibility.py: an alias is made once.
_actor, _author = aliased(User), aliased(User)


class Place(NamedTuple):
    """Where an event stands in its reader's list: by their clock, and by id among events of one commit."""

    timestamp: float
    id: int


def place_of(event: Activity) -> Place:
    """Where this one stands."""
    return Place(event.timestamp, event.id)


def older_than(place: Place) -> ColumnElement[bool]:
    """What stands after `place` in a list that begins with the newest."""
    return _place() < tuple_(*place)


def between(first: Place, last: Place) -> ColumnElement[bool]:
    """What stands from `first` to `last`, both included; `first` is the older one."""
    return and_(_place() >= tuple_(*first), _place() <= tuple_(*last))


def newest_first(query: Select[Activity]) -> Select[Activity]:
    """The order of the page."""
    return query.order_by(Activity.timestamp.desc(), Activity.id.desc())


def _place() -> Tuple:
    return tuple_(Activity.timestamp, Activity.id)


def _is_heard() -> ColumnElement[bool]:
    """Whether its reader hears of an event: not of what those do whom they mute or a block keeps apart from them, nor
    of accounts that are closed. The row stays, and counts again when that ends.
    """
    # The reader is the event's own: what stands two queries further out could not be named here.
    actor_is_here = exists().where(_actor.id == Activity.actor_id, _actor.active)
    author_is_here = exists().where(Post.id == Activity.post_id, _author.id == Post.author_id, _author.active)
    of_somebody = and_(actor_is_here, visibility.is_not_muted_or_blocked(Activity.user_id, Activity.actor_id))
    return and_(or_(Activity.actor_id.is_(None), of_somebody), or_(Activity.post_id.is_(None), author_is_here))


def _shown(user_id: Any) -> ColumnElement[bool]:
    """Events that no filter holds back from their reader."""
    return and_(Activity.user_id == user_id, Activity.held_by == EMPTY, _is_heard())


def is_unread(user_id: Any) -> ColumnElement[bool]:
    """Of those, the ones that were not read."""
    # Every event has a kind; saying so makes SQLite, too, prefer the index that holds only what is unread.
    return and_(_shown(user_id), Activity.read_at.is_(None), Activity.kind > EMPTY)


def is_held(user_id: Any) -> ColumnElement[bool]:
    """What the person's filters hold back, and they have not put away."""
    return and_(Activity.user_id == user_id, Activity.held_by != EMPTY, Activity.read_at.is_(None), _is_heard())


def _badge_is_off(user_id: Any) -> Select[str]:
    preference = DeliveryPreference
    return select(preference.kind).where(preference.user_id == user_id, preference.badge.is_(False))


def shown(user_id: int) -> Select[Activity]:
    """The events of the Activity page, with who did them and where."""
    return _whole(select(Activity).where(_shown(user_id)))


def unread(user_id: int, kinds: Collection[str]) -> Select[Activity]:
    """Of those, the unread ones of some kinds: what a mail or a push may tell."""
    return _whole(select(Activity).where(is_unread(user_id), Activity.kind.in_(kinds)))


def held(user_id: int) -> Select[Activity]:
    """What the filters hold back, with who did it and where."""
    return _whole(select(Activity).where(is_held(user_id)))


def unread_count_of(user_id: Any) -> ScalarSelect[int]:
    """The number of unread events that count in the badge, as part of another query; `user_id` may be a column."""
    counted = and_(is_unread(user_id), Activity.kind.not_in(_badge_is_off(user_id)))
    return select(func.count()).select_from(Activity).where(counted).scalar_subquery()


def unread_count(user_id: int) -> int:
    """The badge."""
    return int(db.session.scalar(_unread_count(), {"user_id": user_id}) or 0)


@cache
def _unread_count() -> Select[int]:
    return select(unread_count_of(bindparam("user_id")))  # put together once: counted under the reader's clock


def _whole(query: Select[Activity]) -> Select[Activity]:
    return query.options(joinedload(Activity.actor), joinedload(Activity.post))
