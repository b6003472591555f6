"""Who follows whom, as one viewer finds it. One Select builds a list of people and its count, so they cannot disagree.

Somebody whom a block keeps apart from the viewer stands in no list, and has none to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, func, select
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models import Follow, User
from app.queries import visibility

LOOKED_AT = 2000  # follows that suggestions look at: enough to choose from, and a bound on the time
# As in visibility.py: an alias is made once.
_follow = aliased(Follow)


def followers(viewer_id: int, user_id: Any, person: Any = User) -> Select[tuple[User]]:
    """The people who follow somebody, newest account first; `user_id` may be a column, `person` an alias of User."""
    follow = aliased(Follow)
    return (
        select(person)
        .join(follow, follow.follower_id == person.id)
        .where(follow.followed_id == user_id, _is_listed(viewer_id, user_id, person))
        .order_by(follow.follower_id.desc())  # as the index is
    )


def following(viewer_id: int, user_id: Any, person: Any = User) -> Select[tuple[User]]:
    """The people whom somebody follows, newest account first; `user_id` may be a column, `person` an alias of User."""
    follow = aliased(Follow)
    return (
        select(person)
        .join(follow, follow.followed_id == person.id)
        .where(follow.follower_id == user_id, _is_listed(viewer_id, user_id, person))
        .order_by(follow.followed_id.desc())
    )


def follower_count_of(viewer_id: int, user_id: Any) -> ScalarSelect[int]:
    """How many `followers` there are, as part of another query."""
    return _count(followers(viewer_id, user_id, aliased(User)))


def following_count_of(viewer_id: int, user_id: Any) -> ScalarSelect[int]:
    """How many `following` there are, as part of another query."""
    return _count(following(viewer_id, user_id, aliased(User)))


def is_following(follower_id: Any, followed_id: Any) -> ColumnElement[bool]:
    """Whether one follows the other, as part of another query; both may be columns."""
    return exists().where(_follow.follower_id == follower_id, _follow.followed_id == followed_id)


def suggestions(viewer_id: int, limit: int = 3) -> Sequence[User]:
    """People whom those that the viewer follows follow, and the viewer does not yet; most shared first."""
    mine, theirs = aliased(Follow), aliased(Follow)
    seen = (
        select(theirs.followed_id)
        .join(mine, mine.followed_id == theirs.follower_id)
        .where(
            mine.follower_id == viewer_id,
            theirs.followed_id != viewer_id,
            ~is_following(viewer_id, theirs.followed_id),
            visibility.is_heard(viewer_id, theirs.followed_id),
        )
        .limit(LOOKED_AT)
        .subquery()
    )
    known = select(seen.c.followed_id, func.count().label("shared")).group_by(seen.c.followed_id).subquery()
    return db.session.scalars(
        select(User)
        .join(known, known.c.followed_id == User.id)
        .where(User.active)
        .order_by(known.c.shared.desc(), User.id.desc())
        .limit(limit)
    ).all()


def _is_listed(viewer_id: int, user_id: Any, person: Any) -> ColumnElement[bool]:
    return and_(visibility.is_met(viewer_id, person), ~visibility.blocked_between(viewer_id, user_id))


def _count(people: Select[tuple[User]]) -> ScalarSelect[int]:
    return people.order_by(None).with_only_columns(func.count()).scalar_subquery()
