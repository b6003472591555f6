"""The cached counters of posts: the numbers of replies, likes, reposts, quotes and votes.

A reaction (a reply, like, repost, quote or vote) is counted while the account of its author is active. Its column
`counted` stores whether it is counted. Database triggers update the counters when reactions are added or removed, or
when `counted` changes. This module corrects `counted` when an account is closed or restored. Once a day, it
recalculates all counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import ColumnElement, ScalarSelect, exists, func, or_, select, true, update

from app.core import account_deletion
from app.core.database import end_read_transaction, shared_alias, write_transaction
from app.extensions import db
from app.models import Post, PostCount, PostLike, PostPoll, PostPollVote, PostRepost, User
from app.posts import vote_counters

RECOUNT_BATCH = 500  # posts whose counters one statement recalculates
BATCH = 200  # reactions in one transaction, which locks the counters of as many posts


class Reaction(NamedTuple):
    """A table of reactions: its model or an alias of it, and its columns for user id and post id."""

    model: Any
    user_id: Any
    post_id: Any

    @property
    def is_one(self) -> ColumnElement[bool]:
        """The SQL condition that a row of the table is a reaction. It excludes posts that aren't replies or quotes."""
        is_reaction: ColumnElement[bool] = self.post_id.is_not(None)
        return is_reaction


_reply, _like, _repost, _quote = (
    shared_alias(Post),
    shared_alias(PostLike),
    shared_alias(PostRepost),
    shared_alias(Post),
)
TABLES = (
    Reaction(Post, Post.author_id, Post.reply_to_id),
    Reaction(PostLike, PostLike.user_id, PostLike.post_id),
    Reaction(PostRepost, PostRepost.user_id, PostRepost.post_id),
    Reaction(Post, Post.author_id, Post.quote_of_id),
    Reaction(PostPollVote, PostPollVote.user_id, PostPollVote.post_id),
)
# The same for subqueries about a post, in the order of STORED.
_OF_POST = (
    Reaction(_reply, _reply.author_id, _reply.reply_to_id),
    Reaction(_like, _like.user_id, _like.post_id),
    Reaction(_repost, _repost.user_id, _repost.post_id),
    Reaction(_quote, _quote.author_id, _quote.quote_of_id),
)
STORED = (PostCount.replies, PostCount.likes, PostCount.reposts, PostCount.quotes)


def recount() -> dict[str, int]:
    """Recalculate every cached counter, and correct the wrong ones.

    Return `{"checked": number of counters, "drift": number of corrections}`. Before that, correct the column `counted`
    of all reactions. These corrections are included in the drift. Only the counters of a few posts are locked
    at a time.
    """
    checked, drift = 0, sum(_correct_all(table, true()) for table in TABLES)
    last: int | None = 0
    while last is not None:
        rows = db.session.execute(_counters().where(Post.id > last).order_by(Post.id).limit(RECOUNT_BATCH)).all()
        end_read_transaction()  # so that the next batch sees newer writes
        for post_id, *numbers in rows:
            checked += len(STORED)
            drift += _repair(post_id) if numbers[: len(STORED)] != numbers[len(STORED) :] else 0
        last = rows[-1][0] if len(rows) == RECOUNT_BATCH else None
    votes = vote_counters.recount()
    return {"checked": checked + votes["checked"], "drift": drift + votes["drift"]}


def _counters() -> Any:
    """Select the id, the stored counters and the correct counters of each post with stored counters or a reaction."""
    has_any = [exists().where(one.post_id == Post.id, one.is_one).correlate(Post) for one in _OF_POST]
    stored = select(Post.id, *STORED, *_correct_values()).outerjoin(PostCount, PostCount.post_id == Post.id)
    return stored.where(or_(PostCount.post_id.is_not(None), *has_any))


def _correct_values() -> list[ScalarSelect[int]]:
    """Return SQL expressions for the correct counters of a `Post`, in the order of STORED."""
    return [
        select(func.count())
        .select_from(one.model)
        .where(one.post_id == Post.id, one.is_one, one.model.counted)
        .correlate(Post)
        .scalar_subquery()
        for one in _OF_POST
    ]


def _repair(post_id: int) -> int:
    """Lock the counters of a post, recalculate them, and correct them. Return the number of wrong counters."""
    with write_transaction():
        known = select(Post.id).where(Post.id == post_id).with_for_update(read=True, key_share=True)
        if db.session.scalar(known) is None:
            return 0
        lock_counts([post_id])
        row = db.session.get(PostCount, post_id, populate_existing=True)
        if row is None:
            row = PostCount(post_id=post_id, **{column.key: 0 for column in STORED})
            db.session.add(row)
            db.session.flush()
        stored = [getattr(row, column.key) for column in STORED]
        truth = list(db.session.execute(select(*_correct_values()).where(Post.id == post_id)).one())
        for column, number in zip(STORED, truth, strict=True):
            setattr(row, column.key, number)
    wrong: int = sum(number != true_number for number, true_number in zip(stored, truth, strict=True))
    if wrong:
        names = ", ".join(column.key for column in STORED)
        current_app.logger.error("recount: the %s of post %d were %s, are %s", names, post_id, stored, truth)
    return wrong


def _should_count(table: Reaction) -> ColumnElement[bool]:
    """Return the SQL condition that a row of `table` should be counted: its user is active."""
    return exists().where(User.id == table.user_id, User.active).correlate(table.model)


def count_reactions(user_id: int) -> int:
    """Correct the column `counted` of all reactions of a user. Return the number of corrected rows."""
    return sum(_correct_all(table, table.user_id == user_id) for table in TABLES)


def _correct_all(table: Reaction, which: ColumnElement[bool]) -> int:
    """Correct the column `counted` of all reactions that match `which`. Return the number of corrected rows.

    The reactions are corrected in batches, each in its own transaction.
    """
    changed, last = 0, 0
    wrong = select(table.model.id).where(table.is_one, table.model.counted != _should_count(table), which)
    while True:
        some = wrong.where(table.model.id > last).order_by(table.model.id).limit(BATCH)
        ids = db.session.scalars(some).all()
        end_read_transaction()
        if not ids:
            return changed
        with write_transaction():
            changed += _correct(table, ids)
        last = ids[-1]


def _correct(table: Reaction, ids: Sequence[int]) -> int:
    # Lock the posts, the reactions and the counters, as a transaction that adds or removes a reaction does.
    these = table.model.id.in_(ids)
    post_ids = db.session.scalars(select(table.post_id).where(these)).all()
    posts = select(Post.id).where(Post.id.in_(post_ids)).order_by(Post.id)
    db.session.execute(posts.with_for_update(read=True, key_share=True))
    db.session.execute(select(table.model.id).where(these).order_by(table.model.id).with_for_update(key_share=True))
    lock_counts(post_ids)
    should = _should_count(table)
    wrong: Any = update(table.model).where(these, table.model.counted != should).values(counted=should)
    done: Any = db.session.execute(wrong.execution_options(synchronize_session=False))
    return int(done.rowcount)


def lock_counts(post_ids: Sequence[int]) -> None:
    """Lock the counters of these posts until the commit."""
    rows = select(PostCount.post_id).where(PostCount.post_id.in_(post_ids)).order_by(PostCount.post_id)
    db.session.execute(rows.with_for_update())
    polls = select(PostPoll.post_id).where(PostPoll.post_id.in_(post_ids)).order_by(PostPoll.post_id)
    db.session.execute(polls.with_for_update(key_share=True))


@account_deletion.register_step
def uncount(user_id: int) -> bool:
    """Stop counting a batch of the reactions of an account that is being deleted. Return True if there may be more.

    Usually there is nothing to do, because the job posts.count_reactions ran when the account was closed.
    """
    for table in TABLES:
        counted = (table.user_id == user_id, table.is_one, table.model.counted)
        ids = db.session.scalars(select(table.model.id).where(*counted).order_by(table.model.id).limit(BATCH)).all()
        if ids and _correct(table, ids):
            return True
    return False
