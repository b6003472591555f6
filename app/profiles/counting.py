"""Which follows are counted: those between two accounts that are open.

Triggers keep the numbers of `profile_count` equal to the posts and the counted follows (migrations/counts.py). Closing
an account, or opening it again, cannot be done in one step: it may have 100,000 followers. A job goes through its
follows some at a time. Each row says whether it is counted, so the job may stop anywhere and begin again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.core import account_deletion
from app.core.database import end_reading, writing
from app.extensions import db
from app.models import Follow, ProfileCount, User

COUNT_JOB = "profiles.count_follows"  # ordered by the actions that close an account or open it again
BATCH = 200  # follows of one transaction, which locks the numbers of as many people
Pair = tuple[int, int]  # follower and followed

_follower, _followed = aliased(User), aliased(User)
SIDES: tuple[tuple[InstrumentedAttribute[int], InstrumentedAttribute[int]], ...] = (
    (Follow.follower_id, Follow.followed_id),
    (Follow.followed_id, Follow.follower_id),
)


def should_count() -> ColumnElement[bool]:
    """Whether a `Follow` should be counted, as part of another query."""
    both = select(_follower.id).where(_follower.id == Follow.follower_id, _follower.active)
    return and_(
        both.exists(), select(_followed.id).where(_followed.id == Follow.followed_id, _followed.active).exists()
    )


def _wrong_follows(side: int, user_id: int, after: int) -> tuple[Sequence[Pair], int | None]:
    """Look at the next `BATCH` follows on one of `SIDES` of a person, after the other person's id `after`.

    Returns those that are counted and should not be, or the reverse, and the id to go on after (None at the end).
    Reads without a lock.
    """
    own, other = SIDES[side]
    some = select(other, Follow.follower_id, Follow.followed_id, Follow.counted != should_count())
    rows = db.session.execute(some.where(own == user_id, other > after).order_by(other).limit(BATCH)).all()
    wrong = [(row[1], row[2]) for row in rows if row[3]]
    return wrong, rows[-1][0] if len(rows) == BATCH else None


def count_follows(user_id: int) -> int:
    """Count the follows of a person as they should be, a batch in each transaction; how many were not."""
    changed = 0
    for side in range(len(SIDES)):
        last: int | None = 0
        while last is not None:
            wrong, last = _wrong_follows(side, user_id, last)
            end_reading()
            changed += correct(wrong)
    return changed


def correct(pairs: Sequence[Pair]) -> int:
    """Count these follows, or not, as they should be, a batch in each transaction; how many were indeed wrong."""
    changed = 0
    for start in range(0, len(pairs), BATCH):
        with writing():
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


@account_deletion.step
def uncount(user_id: int) -> bool:
    """Let no follow of a person who leaves be counted, some at a time, should the job for it not have run."""
    mine = or_(*(own == user_id for own, _other in SIDES))
    some = select(Follow.follower_id, Follow.followed_id).where(mine, Follow.counted).limit(BATCH)
    pairs: Sequence[Pair] = [(row[0], row[1]) for row in db.session.execute(some)]
    return bool(pairs) and _correct(pairs) > 0
