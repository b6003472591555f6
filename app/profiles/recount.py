"""Counting profiles anew: the stored numbers of posts, followers and people followed. It should never find anything."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app
from sqlalchemy import ScalarSelect, func, select

from app.core.database import end_reading, writing
from app.extensions import db
from app.models import Follow, Post, ProfileCount, User
from app.profiles import counting

BATCH = 500  # people whose numbers one statement counts
STORED = (ProfileCount.posts, ProfileCount.followers, ProfileCount.following)


def recount() -> dict[str, int]:
    """Compare every stored number with what it counts, and put right what differs.

    `{"checked": numbers looked at, "drift": numbers that were wrong}`, where a follow that was counted and should not
    be, or the reverse, is a number, too. Holds the numbers of a few people at a time.
    """
    checked = drift = 0
    last: int | None = 0
    while last is not None:
        ids = db.session.scalars(select(User.id).where(User.id > last).order_by(User.id).limit(BATCH)).all()
        theirs = select(Follow.follower_id, Follow.followed_id).where(Follow.follower_id.in_(ids))
        wrong = db.session.execute(theirs.where(Follow.counted != counting.should_count())).all()
        end_reading()
        drift += counting.correct([(row[0], row[1]) for row in wrong])
        for user_id, fits in _people(ids):
            checked += len(STORED)
            drift += 0 if fits else _repair(user_id)
        last = ids[-1] if len(ids) == BATCH else None
    return {"checked": checked, "drift": drift}


def _truths() -> tuple[ScalarSelect[int], ...]:
    """What the numbers of STORED should be."""
    counted = [
        select(func.count()).where(Post.author_id == User.id),
        select(func.count()).where(Follow.followed_id == User.id, Follow.counted),
        select(func.count()).where(Follow.follower_id == User.id, Follow.counted),
    ]
    return tuple(one.correlate(User).scalar_subquery() for one in counted)


def _people(ids: Sequence[int]) -> list[tuple[int, bool]]:
    """(person, whether the numbers fit) of these people; read without a lock."""
    rows = db.session.execute(
        select(User.id, *STORED, *_truths())
        .outerjoin(ProfileCount, ProfileCount.user_id == User.id)
        .where(User.id.in_(ids))
        .order_by(User.id)
    ).all()
    end_reading()  # the next batch sees what was written meanwhile
    return [(user_id, numbers[:3] == numbers[3:]) for user_id, *numbers in rows]


def _repair(user_id: int) -> int:
    """Look again under the lock of the numbers, and put them right; how many were indeed wrong."""
    with writing():
        if db.session.get(User, user_id) is None:
            return 0
        counting.lock_counts({user_id})
        row = db.session.get(ProfileCount, user_id, populate_existing=True)
        if row is None:
            row = ProfileCount(user_id=user_id, posts=0, followers=0, following=0)
            db.session.add(row)
        stored = [row.posts, row.followers, row.following]
        truth = list(db.session.execute(select(*_truths()).where(User.id == user_id)).one())
        wrong: int = sum(number != true for number, true in zip(stored, truth, strict=True))
        row.posts, row.followers, row.following = truth
    if wrong:
        current_app.logger.error("recount: the profile of person %d was %s, is %s", user_id, stored, truth)
    return wrong
