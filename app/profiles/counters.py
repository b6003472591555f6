"""The cached counters of a profile: the numbers of posts, followers and followed members.

A follow is counted if both accounts are active. The column `Follow.counted` stores whether a follow is counted.
Database triggers update the counters when a post or a follow is created or deleted, and when this column changes
(migrations/counts.py). This module corrects the column when an account is closed or restored. daily_recount.py
recalculates the counters once a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute

from app.core import account_deletion
from app.core.database import end_read_transaction, shared_alias, write_transaction
from app.extensions import db
from app.models import Follow, ProfileCount, User

BATCH = 200  # follows in one transaction, which locks the counters of up to twice as many members
Pair = tuple[int, int]  # follower and followed

_follower, _followed = shared_alias(User), shared_alias(User)
DIRECTIONS: tuple[tuple[InstrumentedAttribute[int], InstrumentedAttribute[int]], ...] = (
    (Follow.follower_id, Follow.followed_id),
    (Follow.followed_id, Follow.follower_id),
)


def should_count() -> ColumnElement[bool]:
    """Return an SQL condition: whether a `Follow` should be counted, because both accounts are active."""
    both = select(_follower.id).where(_follower.id == Follow.follower_id, _follower.active)
    return and_(
        both.exists(), select(_followed.id).where(_followed.id == Follow.followed_id, _followed.active).exists()
    )


def _wrong_follows(direction: int, user_id: int, after: int) -> tuple[Sequence[Pair], int | None]:
    """Check a batch of a member's follows. Return those with a wrong `counted`, and the cursor of the next batch.

    If `direction` is 0, check the follows in which `user_id` is the follower; if it is 1, those in which `user_id` is
    followed. The follows are ordered by the id of the other member, which is also the cursor. The batch starts after
    the cursor `after`. The returned cursor is None after the last batch. No rows are locked.
    """
    own, other = DIRECTIONS[direction]
    some = select(other, Follow.follower_id, Follow.followed_id, Follow.counted != should_count())
    rows = db.session.execute(some.where(own == user_id, other > after).order_by(other).limit(BATCH)).all()
    wrong = [(row[1], row[2]) for row in rows if row[3]]
    return wrong, rows[-1][0] if len(rows) == BATCH else None


def count_follows(user_id: int) -> int:
    """Correct `Follow.counted` for all followers of a member, and for all members whom the member follows.

    Return the number of corrections. Each batch has its own transaction.
    """
    changed = 0
    for direction in range(len(DIRECTIONS)):
        last: int | None = 0
        while last is not None:
            wrong, last = _wrong_follows(direction, user_id, last)
            end_read_transaction()
            changed += correct(wrong)
    return changed


def correct(pairs: Sequence[Pair]) -> int:
    """Correct `Follow.counted` for these pairs of follower id and followed id. Return the number of corrections.

    Each batch has its own transaction.
    """
    changed = 0
    for start in range(0, len(pairs), BATCH):
        with write_transaction():
            changed += _correct(pairs[start : start + BATCH])
    return changed


def _correct(pairs: Sequence[Pair]) -> int:
    # Lock the follows, and then the counters of these members in the order of their ids, as the triggers do.
    follows = select(Follow.follower_id).where(tuple_(Follow.follower_id, Follow.followed_id).in_(pairs))
    db.session.execute(follows.order_by(Follow.follower_id, Follow.followed_id).with_for_update(key_share=True))
    lock_counts({user_id for pair in pairs for user_id in pair})
    these: Any = update(Follow).where(
        tuple_(Follow.follower_id, Follow.followed_id).in_(pairs), Follow.counted != should_count()
    )
    done: Any = db.session.execute(these.values(counted=should_count()).execution_options(synchronize_session=False))
    return int(done.rowcount)


def lock_counts(user_ids: set[int]) -> None:
    """Lock the counters of these members until the commit."""
    numbers = select(ProfileCount.user_id).where(ProfileCount.user_id.in_(user_ids)).order_by(ProfileCount.user_id)
    db.session.execute(numbers.with_for_update())


@account_deletion.register_step
def uncount(user_id: int) -> bool:
    """Subtract a batch of the follows of a closed account from the counters. Return True if there may be more.

    This is a step of deleting the account. Usually, nothing is left to subtract, because the job profiles.count_follows
    ran when the account was closed.
    """
    mine = or_(*(own == user_id for own, _other in DIRECTIONS))
    some = select(Follow.follower_id, Follow.followed_id).where(mine, Follow.counted).limit(BATCH)
    pairs: Sequence[Pair] = [(row[0], row[1]) for row in db.session.execute(some)]
    return bool(pairs) and _correct(pairs) > 0
