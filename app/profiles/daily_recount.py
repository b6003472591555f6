"""Recalculate the cached counters of profiles once a day, and correct the wrong ones."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app
from sqlalchemy import ScalarSelect, func, select

from app.core.database import end_read_transaction, write_transaction
from app.extensions import db
from app.models import Follow, Post, ProfileCount, User
from app.profiles import counters

RECOUNT_BATCH = 500  # members whose counters one statement recalculates
STORED = (ProfileCount.posts, ProfileCount.followers, ProfileCount.following)


def recount() -> dict[str, int]:
    """Recalculate every cached counter, and correct the wrong ones.

    Return `{"checked": number of counters, "drift": number of corrections}`. The corrections include those of the
    column `Follow.counted`. The counters of only a few members are locked at a time.
    """
    checked = drift = 0
    last: int | None = 0
    while last is not None:
        ids = db.session.scalars(select(User.id).where(User.id > last).order_by(User.id).limit(RECOUNT_BATCH)).all()
        theirs = select(Follow.follower_id, Follow.followed_id).where(Follow.follower_id.in_(ids))
        wrong = db.session.execute(theirs.where(Follow.counted != counters.should_count())).all()
        end_read_transaction()
        drift += counters.correct([(row[0], row[1]) for row in wrong])
        for user_id, fits in _people(ids):
            checked += len(STORED)
            drift += 0 if fits else _repair(user_id)
        last = ids[-1] if len(ids) == RECOUNT_BATCH else None
    return {"checked": checked, "drift": drift}


def _correct_values() -> tuple[ScalarSelect[int], ...]:
    """Return SQL expressions that calculate the correct values of the columns in STORED."""
    counted = [
        select(func.count()).where(Post.author_id == User.id),
        select(func.count()).where(Follow.followed_id == User.id, Follow.counted),
        select(func.count()).where(Follow.follower_id == User.id, Follow.counted),
    ]
    return tuple(one.correlate(User).scalar_subquery() for one in counted)


def _people(ids: Sequence[int]) -> list[tuple[int, bool]]:
    """Return (user id, whether the stored counters are correct) for each of these members. No rows are locked."""
    rows = db.session.execute(
        select(User.id, *STORED, *_correct_values())
        .outerjoin(ProfileCount, ProfileCount.user_id == User.id)
        .where(User.id.in_(ids))
        .order_by(User.id)
    ).all()
    end_read_transaction()  # so that the next batch sees newer writes
    return [(user_id, numbers[:3] == numbers[3:]) for user_id, *numbers in rows]


def _repair(user_id: int) -> int:
    """Lock the counters of a member, recalculate them, and correct them. Return the number of wrong counters."""
    with write_transaction():
        if db.session.get(User, user_id) is None:
            return 0
        counters.lock_counts({user_id})
        row = db.session.get(ProfileCount, user_id, populate_existing=True)
        if row is None:
            row = ProfileCount(user_id=user_id, posts=0, followers=0, following=0)
            db.session.add(row)
        stored = [row.posts, row.followers, row.following]
        truth = list(db.session.execute(select(*_correct_values()).where(User.id == user_id)).one())
        wrong: int = sum(number != true for number, true in zip(stored, truth, strict=True))
        row.posts, row.followers, row.following = truth
    if wrong:
        current_app.logger.error("recount: the profile of person %d was %s, is %s", user_id, stored, truth)
    return wrong
