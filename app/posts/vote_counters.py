"""Recalculate the cached counters of polls: the numbers of voters, and of votes for each option."""

from __future__ import annotations

from typing import Any

from flask import current_app
from sqlalchemy import ScalarSelect, func, select

from app.core.database import end_read_transaction, write_transaction
from app.extensions import db
from app.models import Post, PostPoll, PostPollOption, PostPollVote

BATCH = 500  # polls that one statement checks


def recount() -> dict[str, int]:
    """Recalculate the counters of all polls, and correct the wrong ones.

    Return `{"checked": number of counters, "drift": number of corrections}`. Only the counters of one poll are locked
    at a time.
    """
    checked, drift, last = 0, 0, 0
    while True:
        some = select(PostPoll.post_id).where(PostPoll.post_id > last).order_by(PostPoll.post_id).limit(BATCH)
        ids = db.session.scalars(some).all()
        rows = [*db.session.execute(_voters(ids)), *db.session.execute(_options(ids))] if ids else []
        end_read_transaction()  # so that the next batch sees newer writes
        if not ids:
            return {"checked": checked, "drift": drift}
        checked += len(rows)
        drift += sum(_repair(post_id) for post_id in sorted({row[0] for row in rows if row.stored != row.truth}))
        last = ids[-1]


def _voters(ids: Any) -> Any:
    """Select the polls with their stored and correct numbers of voters."""
    truth = _count(PostPollVote.post_id == PostPoll.post_id).correlate(PostPoll)
    found = select(PostPoll.post_id, PostPoll.voters.label("stored"), truth.label("truth"))
    return found.where(PostPoll.post_id.in_(ids))


def _options(ids: Any) -> Any:
    """Select the options of polls with their stored and correct numbers of votes, and their positions."""
    option = PostPollOption
    is_chosen = PostPollVote.choices.op(">>")(option.position).op("&")(1) == 1
    truth = _count(PostPollVote.post_id == option.post_id, is_chosen).correlate(option)
    found = select(option.post_id, option.votes.label("stored"), truth.label("truth"), option.position)
    return found.where(option.post_id.in_(ids))


def _count(*conditions: Any) -> ScalarSelect[int]:
    counted = select(func.count()).select_from(PostPollVote).where(*conditions, PostPollVote.counted)
    return counted.scalar_subquery()


def _repair(post_id: int) -> int:
    """Lock the counters of a poll, recalculate them, and correct them. Return the number of wrong counters."""
    with write_transaction():
        known = select(Post.id).where(Post.id == post_id).with_for_update(read=True, key_share=True)
        if db.session.scalar(known) is None:
            return 0
        poll = db.session.get_one(PostPoll, post_id, with_for_update={"key_share": True}, populate_existing=True)
        voters = db.session.execute(_voters([post_id])).one()
        options = db.session.execute(_options([post_id]).order_by(PostPollOption.position)).all()
        poll.voters = voters.truth
        for row in options:
            db.session.get_one(PostPollOption, (post_id, row.position), populate_existing=True).votes = row.truth
    wrong = [row for row in (voters, *options) if row.stored != row.truth]
    if wrong:
        counts = [(row.stored, row.truth) for row in (voters, *options)]
        current_app.logger.error("recount: the votes of post %d (stored, counted) were %s", post_id, counts)
    return len(wrong)
