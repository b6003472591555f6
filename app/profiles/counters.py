"""The cached counters of profiles: posts, followers and people followed; and their daily recount."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.core import account_deletion
from app.core.database import end_read_transaction, write_transaction
from app.extensions import db
from app.models import Follow, Post, ProfileCount, User

RECOUNT_BATCH = 500  # people whose numbers one statement counts
STORED = (ProfileCount.posts, ProfileCount.followers, ProfileCount.following)


def recount() -> dict[str, int]:
    """Compare every stored number with what it counts, and put right what differs.

    `{"checked": numbers looked at, "drift": numbers that were wrong}`, where a follow that was counted and should not
    be, or the reverse, is a number, too. Holds the numbers of a few people at a time.
    """
    checked = drift = 0
    last: int | None = 0
    while last is not None:
        ids = db.session.scalars(select(User.id).where(User.id > last).order_by(User.id).limit(RECOUNT_BATCH)).all()
        theirs = select(Follow.follower_id, Follow.followed_id).where(Follow.follower_id.in_(ids))
        wrong = db.session.execute(theirs.where(Follow.counted != should_count())).all()
        end_read_transaction()
        drift += correct([(row[0], row[1]) for row in wrong])
        for user_id, fits in _people(ids):
            checked += len(STORED)
            drift += 0 if fits else _repair(user_id)
        last = ids[-1] if len(ids) == RECOUNT_BATCH else None
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
    end_read_transaction()  # the next batch sees what was written meanwhile
    return [(user_id, numbers[:3] == numbers[3:]) for user_id, *numbers in rows]


def _repair(user_id: int) -> int:
    """Look again under the lock of the numbers, and put them right; how many were indeed wrong."""
    with write_transaction():
        if db.session.get(User, user_id) is None:
            return 0
        lock_counts({user_id})
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


COUNT_JOB = "profiles.count_follows"  # ordered by the actions that close an account or open it again
BATCH = 200  # follows of one transaction, which locks the numbers of as many people
Pair = tuple[int, int]  # follower and followed

_follower, _followed = aliased(User), aliased(User)
DIRECTIONS: tuple[tuple[InstrumentedAttribute[int], InstrumentedAttribute[int]], ...] = (
    (Follow.follower_id, Follow.followed_id),
    (Follow.followed_id, Follow.follower_id),
)


def should_count() -> ColumnElement[bool]:
    """Whether a `Follow` should be counted, as part of another query."""
    both = select(_follower.id).where(_follower.id == Follow.follower_id, _follower.active)
    return and_(
        both.exists(), select(_followed.id).where(_followed.id == Follow.followed_id, _followed.active).exists()
    )


def _wrong_follows(direction: int, user_id: int, after: int) -> tuple[Sequence[Pair], int | None]:
    """Look at the next `BATCH` follows on one of `DIRECTIONS` of a person, after the other person's id `after`.

    Returns those that are counted and should not be, or the reverse, and the id to go on after (None at the end).
    Reads without a lock.
    """
    own, other = DIRECTIONS[direction]
    some = select(other, Follow.follower_id, Follow.followed_id, Follow.counted != should_count())
    rows = db.session.execute(some.where(own == user_id, other > after).order_by(other).limit(BATCH)).all()
    wrong = [(row[1], row[2]) for row in rows if row[3]]
    return wrong, rows[-1][0] if len(rows) == BATCH else None


def count_follows(user_id: int) -> int:
    """Count the follows of a person as they should be, a batch in each transaction; how many were not."""
    changed = 0
    for direction in range(len(DIRECTIONS)):
        last: int | None = 0
        while last is not None:
            wrong, last = _wrong_follows(direction, user_id, last)
            end_read_transaction()
            changed += correct(wrong)
    return changed


def correct(pairs: Sequence[Pair]) -> int:
    """Count these follows, or not, as they should be, a batch in each transaction; how many were indeed wrong."""
    changed = 0
    for start in range(0, len(pairs), BATCH):
        with write_transaction():
            changed += _correct(pairs[start : start + BATCH])
    return changed


def _correct(pairs: Sequence[Pair]) -> int:
    # The numbers of everyone concerned are locked first, in the order of their ids, as the triggers lock them.
    lock_counts({user_id for pair in pairs for user_id in pair})
    these: Any = update(Follow).where(
        tuple_(Follow.follower_id, Follow.followed_id).in_(pairs), Follow.counted != should_count()
    )
    done: Any = db.session.execute(these.values(counted=should_count()).execution_options(synchronize_session=False))
    return int(done.rowcount)


def lock_counts(user_ids: set[int]) -> None:
    """Hold the numbers of these people until the commit."""
    numbers = select(ProfileCount.user_id).where(ProfileCount.user_id.in_(user_ids)).order_by(ProfileCount.user_id)
    db.session.execute(numbers.with_for_update())


@account_deletion.register_step
def uncount(user_id: int) -> bool:
    """Let no follow of a person who leaves be counted, some at a time, should the job for it not have run."""
    mine = or_(*(own == user_id for own, _other in DIRECTIONS))
    some = select(Follow.follower_id, Follow.followed_id).where(mine, Follow.counted).limit(BATCH)
    pairs: Sequence[Pair] = [(row[0], row[1]) for row in db.session.execute(some)]
    return bool(pairs) and _correct(pairs) > 0
