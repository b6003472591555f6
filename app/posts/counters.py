"""The cached counters of posts: the number of replies.

A reply counts while its author is active; the column `Post.counted` stores whether it is counted. Database triggers
update the counters. This module corrects `counted` and the counters when an account is closed or restored, and once a
day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, ScalarSelect, exists, func, or_, select, update

from app.core import account_deletion
from app.core.database import end_read_transaction, shared_alias, write_transaction
from app.extensions import db
from app.models import Post, PostCount, User

RECOUNT_BATCH = 500  # posts whose counters one statement recalculates
BATCH = 200  # replies in one transaction, which locks the counters of as many posts
_reply = shared_alias(Post)


def recount() -> dict[str, int]:
    """Recalculate every cached counter, and correct the wrong ones.

    Return `{"checked": number of counters, "drift": number of corrections}`. First, `counted`
    is corrected for all replies; these corrections are part of the drift. Only a few counters are locked at a time.
    """
    checked, drift = 0, _correct_all(Post.counted != should_count())
    last: int | None = 0
    while last is not None:
        rows = db.session.execute(_counters().where(Post.id > last).order_by(Post.id).limit(RECOUNT_BATCH)).all()
        end_read_transaction()  # so that the next batch sees newer writes
        for post_id, stored, truth in rows:
            checked += 1
            drift += _repair(post_id) if stored != truth else 0
        last = rows[-1][0] if len(rows) == RECOUNT_BATCH else None
    return {"checked": checked, "drift": drift}


def _counters() -> Any:
    """Select the id, the stored and the correct counter of each post that has a counter or a reply."""
    has_reply = exists().where(_reply.reply_to_id == Post.id, _reply.reply_to_id.is_not(None)).correlate(Post)
    stored = select(Post.id, PostCount.replies, _correct_value()).outerjoin(PostCount, PostCount.post_id == Post.id)
    return stored.where(or_(PostCount.post_id.is_not(None), has_reply))


def _correct_value() -> ScalarSelect[int]:
    counted = (_reply.reply_to_id == Post.id, _reply.reply_to_id.is_not(None), _reply.counted)
    return select(func.count()).select_from(_reply).where(*counted).correlate(Post).scalar_subquery()


def _repair(post_id: int) -> int:
    """Lock the counter of a post, recalculate it, and correct it. Return the number of wrong counters."""
    with write_transaction():
        known = select(Post.id).where(Post.id == post_id).with_for_update(read=True, key_share=True)
        if db.session.scalar(known) is None:
            return 0
        lock_counts([post_id])
        row = db.session.get(PostCount, post_id, populate_existing=True)
        if row is None:
            row = PostCount(post_id=post_id, replies=0)
            db.session.add(row)
            db.session.flush()
        stored = row.replies
        row.replies = db.session.scalars(select(_correct_value()).where(Post.id == post_id)).one()
        truth = row.replies
    if stored == truth:
        return 0
    current_app.logger.error("recount: the replies to post %d were %d, are %d", post_id, stored, truth)
    return 1


def should_count() -> ColumnElement[bool]:
    """Return an SQL condition on `Post`: whether it should be counted as a reply, because its author is active."""
    return exists().where(User.id == Post.author_id, User.active).correlate(Post)


def count_reactions(user_id: int) -> int:
    """Correct `counted` for all replies by a user. Return the number of corrections."""
    return _correct_all(Post.author_id == user_id, Post.counted != should_count())


def _correct_all(*which: ColumnElement[bool]) -> int:
    """Correct `counted` for the replies that match, in one transaction per batch. Return the number of corrections."""
    changed, last = 0, 0
    while True:
        some = select(Post.id).where(Post.reply_to_id.is_not(None), Post.id > last, *which)
        ids = db.session.scalars(some.order_by(Post.id).limit(BATCH)).all()
        end_read_transaction()
        if not ids:
            return changed
        with write_transaction():
            changed += _correct(ids)
        last = ids[-1]


def _correct(ids: Sequence[int]) -> int:
    # Lock the replies, and then the counters of their posts, as a transaction that deletes a reply does.
    db.session.execute(select(Post.id).where(Post.id.in_(ids)).order_by(Post.id).with_for_update(key_share=True))
    parents = db.session.scalars(select(Post.reply_to_id).where(Post.id.in_(ids))).all()
    lock_counts([post_id for post_id in parents if post_id is not None])
    these: Any = update(Post).where(Post.id.in_(ids), Post.counted != should_count()).values(counted=should_count())
    done: Any = db.session.execute(these.execution_options(synchronize_session=False))
    return int(done.rowcount)


def lock_counts(post_ids: Sequence[int]) -> None:
    """Lock the counters of these posts until the commit."""
    rows = select(PostCount.post_id).where(PostCount.post_id.in_(post_ids)).order_by(PostCount.post_id)
    db.session.execute(rows.with_for_update())


@account_deletion.register_step
def uncount(user_id: int) -> bool:
    """Stop counting a batch of the replies of an account that is being deleted. Return True if there may be more.

    Usually the job posts.count_reactions has done this already.
    """
    counted = (Post.author_id == user_id, Post.reply_to_id.is_not(None), Post.counted)
    ids = db.session.scalars(select(Post.id).where(*counted).order_by(Post.id).limit(BATCH)).all()
    return bool(ids) and _correct(ids) > 0
