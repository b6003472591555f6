"""Queries for the events on the Activity page.

The page, the badge, emails and pushes use the same SQL conditions, so they agree on what is visible and unread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
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
from sqlalchemy.orm import joinedload

from app.core.database import built_once, shared_alias
from app.extensions import db
from app.models import Activity, DeliveryPreference, Post, User
from app.queries import visibility

# A literal instead of a parameter. With a parameter, neither engine would use the partial index of unread events.
EMPTY: ColumnElement[str] = literal_column("''")
QUOTE: ColumnElement[str] = literal_column("'quote'")
# Created once, because creating an alias is slow.
_actor, _author, _quoted = shared_alias(User), shared_alias(User), shared_alias(Post)


class Place(NamedTuple):
    """The sort key of an event on the Activity page. The id orders events with the same timestamp."""

    timestamp: float
    id: int


def place_of(event: Activity) -> Place:
    """Return the event's sort key. It also serves as a pagination cursor."""
    return Place(event.timestamp, event.id)


def older_than(place: Place) -> ColumnElement[bool]:
    """Return the condition that an event is older than the event with the sort key `place`."""
    return _place() < tuple_(*place)


def between(first: Place, last: Place) -> ColumnElement[bool]:
    """Return the condition that an event is at or after the sort key `first`, and at or before `last`."""
    return and_(_place() >= tuple_(*first), _place() <= tuple_(*last))


def newest_first(query: Select[Activity]) -> Select[Activity]:
    """Order events from newest to oldest, as on the Activity page."""
    return query.order_by(Activity.timestamp.desc(), Activity.id.desc())


def _place() -> Tuple:
    return tuple_(Activity.timestamp, Activity.id)


def _is_visible() -> ColumnElement[bool]:
    """Return the condition that an event is visible to its recipient.

    The event's actor and the author of its post must be active, and the visibility level of the post must include the
    recipient. The recipient must not mute the actor, and neither may block the other. If the event has an actor, the
    recipient must not mute the thread that it is about. A hidden event is kept, and becomes visible again when the mute
    or block ends.
    """
    # Use Activity.user_id, because these subqueries can't refer to a column of a query two levels further out.
    actor_is_here = exists().where(_actor.id == Activity.actor_id, _actor.active)
    post_is_here = exists().where(
        Post.id == Activity.post_id,
        _author.id == Post.author_id,
        _author.active,
        visibility.level_includes(Activity.user_id),
        or_(Activity.actor_id.is_(None), ~_has_post(lambda post: visibility.is_muting_thread(Activity.user_id, post))),
    )
    of_somebody = and_(actor_is_here, visibility.is_not_muted_or_blocked(Activity.user_id, Activity.actor_id))
    return and_(or_(Activity.actor_id.is_(None), of_somebody), or_(Activity.post_id.is_(None), post_is_here))


def is_of_thread(root_id: int) -> ColumnElement[bool]:
    """Return the condition that an event is about the thread with this root."""

    def in_thread(post: Any) -> ColumnElement[bool]:
        return or_(*(root == root_id for root in visibility.thread_roots(post)))

    return exists().where(Post.id == Activity.post_id, _has_post(in_thread)).correlate_except(Post)


def _has_post(matches: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return the condition that `matches(post)` is true for Post, which is an event's post.

    If the event says that the user's post was quoted, `matches` may also be true for the quoted post. A quote begins a
    thread of its own, but the event is about the thread of the quoted post, too.
    """
    quoted = exists().where(_quoted.id == Post.quote_of_id, matches(_quoted)).correlate_except(_quoted)
    return or_(matches(Post), and_(Activity.kind == QUOTE, quoted))


def _shown(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that an event of the user is visible and not hidden by a sender filter."""
    return and_(Activity.user_id == user_id, Activity.filtered_by == EMPTY, _is_visible())


def is_unread(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that an event of the user is unread, visible, and not hidden by a sender filter."""
    # `kind > ''` is always true. It makes SQLite prefer the partial index of unread events.
    return and_(_shown(user_id), Activity.read_at.is_(None), Activity.kind > EMPTY)


def is_filtered(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that an event is shown in the user's filtered notifications.

    These are the events that a sender filter moved there and that the user has not dismissed.
    """
    return and_(Activity.user_id == user_id, Activity.filtered_by != EMPTY, Activity.read_at.is_(None), _is_visible())


def _badge_is_off(user_id: Any) -> Select[str]:
    preference = DeliveryPreference
    return select(preference.kind).where(preference.user_id == user_id, preference.badge.is_(False))


def shown(user_id: int) -> Select[Activity]:
    """Select the user's events on the Activity page, with their actors and posts."""
    return _with_related(select(Activity).where(_shown(user_id)))


def unread(user_id: int, kinds: Collection[str]) -> Select[Activity]:
    """Select the user's unread events of these kinds, with their actors and posts. Used by email and push."""
    return _with_related(select(Activity).where(is_unread(user_id), Activity.kind.in_(kinds)))


def filtered(user_id: int) -> Select[Activity]:
    """Select the events in the user's filtered notifications, with their actors and posts."""
    return _with_related(select(Activity).where(is_filtered(user_id)))


def unread_count_of(user_id: Any) -> ScalarSelect[int]:
    """Return the number of unread events that a user's badge shows, as a scalar subquery. `user_id` may be a column."""
    counted = and_(is_unread(user_id), Activity.kind.not_in(_badge_is_off(user_id)))
    return select(func.count()).select_from(Activity).where(counted).scalar_subquery()


def unread_count(user_id: int) -> int:
    """Return the number of unread events that a user's badge shows."""
    return int(db.session.scalar(_unread_count(), {"user_id": user_id}) or 0)


@built_once
def _unread_count() -> Select[int]:
    return select(unread_count_of(bindparam("user_id")))  # built once, because it runs while the user's clock is locked


def _with_related(query: Select[Activity]) -> Select[Activity]:
    return query.options(joinedload(Activity.actor), joinedload(Activity.post))
