"""Queries of followers and followed users that the viewer may see.

If there is a block between the viewer and a user, in either direction, the viewer doesn't see that user in any list,
and sees empty lists on that user's profile. The lists are read from the table `follow`. The numbers are read from
cached counters (app/models/profile_count.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, select, union
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.core.database import shared_alias
from app.extensions import db
from app.models import Block, Follow, ProfileCount, User
from app.queries import visibility

SCAN_LIMIT = 2000  # the most follows that `suggestions` reads, to limit its cost
# Created once, because creating an alias is slow.
_follow = shared_alias(Follow)
Column = InstrumentedAttribute[int]


def followers(viewer_id: int, user_id: Any, person: Any = User) -> Select[tuple[User]]:
    """Select a user's followers, newest account first. `user_id` may be a column, and `person` an alias of User."""
    follow = aliased(Follow)
    return (
        select(person)
        .join(follow, follow.follower_id == person.id)
        .where(follow.followed_id == user_id, _is_listed(viewer_id, user_id, person))
        .order_by(follow.follower_id.desc())  # the order of the index, so the database need not sort
    )


def following(viewer_id: int, user_id: Any, person: Any = User) -> Select[tuple[User]]:
    """Select the users whom a user follows, newest account first. `user_id` may be a column, `person` a User alias."""
    follow = aliased(Follow)
    return (
        select(person)
        .join(follow, follow.followed_id == person.id)
        .where(follow.follower_id == user_id, _is_listed(viewer_id, user_id, person))
        .order_by(follow.followed_id.desc())
    )


def follower_count_of(viewer_id: Any) -> ColumnElement[int]:
    """Return the number of followers that the viewer can see, as a column expression for a query of `ProfileCount`.

    This is the cached counter minus the followers who block the viewer or whom the viewer blocks. The cost depends on
    the number of these blocks, not on the number of followers.
    """
    return _seen(viewer_id, ProfileCount.followers, Follow.follower_id, Follow.followed_id)


def following_count_of(viewer_id: Any) -> ColumnElement[int]:
    """Return the number of followed users that the viewer sees, as a column expression for a query of `ProfileCount`.

    This is the cached counter minus the followed users who block the viewer or whom the viewer blocks.
    """
    return _seen(viewer_id, ProfileCount.following, Follow.followed_id, Follow.follower_id)


def is_following(follower_id: Any, followed_id: Any) -> ColumnElement[bool]:
    """Return the condition that one user follows the other. Both arguments may be columns."""
    return exists().where(_follow.follower_id == follower_id, _follow.followed_id == followed_id)


def suggestions(viewer_id: int, limit: int = 3) -> Sequence[User]:
    """Return users whom the viewer doesn't follow yet, but who are followed by people whom the viewer follows.

    Users with the most such followers come first.
    """
    mine, theirs = aliased(Follow), aliased(Follow)
    seen = (
        select(theirs.followed_id)
        .join(mine, mine.followed_id == theirs.follower_id)
        .where(
            mine.follower_id == viewer_id,
            theirs.followed_id != viewer_id,
            ~is_following(viewer_id, theirs.followed_id),
            visibility.is_not_muted_or_blocked(viewer_id, theirs.followed_id),
        )
        .limit(SCAN_LIMIT)
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
    return and_(visibility.is_visible(viewer_id, person), ~visibility.blocked_between(viewer_id, user_id))


def _seen(
    viewer_id: Any,
    stored: InstrumentedAttribute[int],
    other: InstrumentedAttribute[int],
    owner: InstrumentedAttribute[int],
) -> ColumnElement[int]:
    apart = union(
        select(Block.blocked_id.label("id")).where(Block.blocker_id == viewer_id),
        select(Block.blocker_id).where(Block.blocked_id == viewer_id),
    ).subquery()
    # A correlated EXISTS for each blocked user. With a join, SQLite would read all follows first.
    is_counted = exists().where(other == apart.c.id, owner == ProfileCount.user_id, Follow.counted)
    unseen = (
        select(func.count())
        .select_from(apart)
        .where(is_counted.correlate(apart, ProfileCount))
        .correlate(ProfileCount)
        .scalar_subquery()
    )
    return case((visibility.blocked_between(viewer_id, ProfileCount.user_id), 0), else_=stored - unseen)
