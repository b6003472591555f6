"""Polls in posts: store them, vote in them, and close them. No other module changes polls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from app.core.database import insert_into, shared_alias, write_transaction
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.core.time import now
from app.core.validation import checked_warning
from app.extensions import db
from app.jobs import enqueue_at
from app.models import Post, PostPoll, PostPollOption, PostPollVote, User
from app.models.post_poll import MAX_OPTIONS, MIN_OPTIONS, OPTION_LENGTH
from app.notifications import record_event
from app.posts import queries
from app.queries import visibility

CLOSE_JOB = "posts.close_poll"
DURATIONS = (5, 30, 60, 6 * 60, 12 * 60, 24 * 60, 3 * 24 * 60, 7 * 24 * 60)  # minutes
NOTIFY_BATCH = 50  # voters per transaction, which locks the clocks of all of them
_voter = shared_alias(User)  # created once, because creating an alias is slow


@dataclass(frozen=True)
class NewPoll:
    """The poll of a new post: its options, whether a person can choose several, and how long it lasts."""

    options: tuple[str, ...]
    is_multiple: bool = False
    minutes: int = 24 * 60


def checked(poll: NewPoll) -> NewPoll:
    """Return the poll with its options cleaned for storage, without the empty ones.

    Raises ActionError if there are too few or too many options, if an option is too long, if two options are the same,
    or if the duration isn't in DURATIONS.
    """
    options = tuple(filter(None, (checked_warning(option, OPTION_LENGTH) for option in poll.options)))
    if len(options) < MIN_OPTIONS:
        raise ActionError(
            _ln("A poll needs at least %(num)s option.", "A poll needs at least %(num)s options.", MIN_OPTIONS)
        )
    if len(options) > MAX_OPTIONS:
        raise ActionError(
            _ln("A poll can have up to %(num)s option.", "A poll can have up to %(num)s options.", MAX_OPTIONS)
        )
    if len({option.casefold() for option in options}) < len(options):
        raise ActionError(_l("Two poll options are the same."))
    if poll.minutes not in DURATIONS:
        raise ActionError(_l("Choose from the list how long your poll lasts."))
    return NewPoll(options, poll.is_multiple, poll.minutes)


def store(post: Post, poll: NewPoll) -> None:
    """Store the poll of a new post, and schedule the job that closes it. `poll` comes from `checked`."""
    ends_at = now() + timedelta(minutes=poll.minutes)
    row = {"post_id": post.id, "is_multiple": poll.is_multiple, "ends_at": ends_at}
    db.session.execute(insert(PostPoll), [row])
    texts = [{"post_id": post.id, "position": at, "text": text} for at, text in enumerate(poll.options)]
    db.session.execute(insert(PostPollOption), texts)
    post.poll_id = post.id
    db.session.flush()
    enqueue_at(CLOSE_JOB, ends_at, post_id=post.id)


def options_of(post: Post) -> Sequence[str]:
    """Return the texts of the options of the post's poll, in their order; an empty list without a poll."""
    if post.poll_id is None:
        return []
    these = select(PostPollOption.text).where(PostPollOption.post_id == post.id)
    return db.session.scalars(these.order_by(PostPollOption.position)).all()


def vote(person: User, post_id: int, positions: Collection[int]) -> None:
    """Vote in the poll of a post for the options at these positions. Idempotent: a person's first vote is final.

    The post stays locked until the commit, and closing the poll waits for that. So no vote is stored after the poll was
    closed. Raises ActionError if the person can't see the post or is its author, if the post has no poll, if the poll
    has ended, or if the options aren't a valid choice.
    """
    author_id = queries.lock_visible(person, post_id)
    size = select(func.count()).where(PostPollOption.post_id == PostPoll.post_id).scalar_subquery()
    columns = (PostPoll.is_multiple, PostPoll.ends_at, PostPoll.closed_at, size)
    poll = db.session.execute(select(*columns).where(PostPoll.post_id == post_id)).one_or_none()
    if author_id is None or poll is None:
        raise ActionError(_l("This post isn't available anymore."))
    if author_id == person.id:
        raise ActionError(_l("You can't vote in your own poll."))
    is_mine = (PostPollVote.post_id == post_id, PostPollVote.user_id == person.id)
    if db.session.scalar(select(PostPollVote.id).where(*is_mine)) is not None:
        return
    is_multiple, ends_at, closed_at, options = poll
    if closed_at is not None or ends_at <= now():
        raise ActionError(_l("This poll has ended."))
    if not positions or not set(positions) <= set(range(options)):
        raise ActionError(_l("Choose an option first."))
    if len(set(positions)) > 1 and not is_multiple:
        raise ActionError(_l("You can choose only one option."))
    choices = sum(1 << position for position in set(positions))
    row = insert_into(PostPollVote).values(post_id=post_id, user_id=person.id, choices=choices, created_at=now())
    db.session.execute(row.on_conflict_do_nothing(index_elements=[PostPollVote.post_id, PostPollVote.user_id]))


def close(post_id: int) -> None:
    """Close the poll of a post, and notify its author and the voters who can still see the post.

    Idempotent: each person is notified once. Do nothing if the post was deleted. If the poll hasn't ended yet, schedule
    the job again. The writes are in several short transactions.
    """
    with write_transaction():
        # Wait for the votes that are being stored, and let later ones see that the poll is closed.
        locked = select(Post.author_id).where(Post.id == post_id).with_for_update()
        author_id = db.session.scalar(locked)
        ends_at = db.session.scalar(select(PostPoll.ends_at).where(PostPoll.post_id == post_id))
        if author_id is None or ends_at is None:
            return
        if ends_at > now():
            enqueue_at(CLOSE_JOB, ends_at, post_id=post_id)
            return
        is_open = (PostPoll.post_id == post_id, PostPoll.closed_at.is_(None))
        db.session.execute(update(PostPoll).where(*is_open).values(closed_at=now()))
        record_event(author_id, "poll_closed", str(post_id), post_id=post_id)
    last: int | None = 0
    while last is not None:
        with write_transaction():
            last = _notify_voters(post_id, author_id, last)


def _notify_voters(post_id: int, author_id: int, after: int) -> int | None:
    """Notify up to NOTIFY_BATCH voters whose votes have ids above `after`. Return the last id; None at the end."""
    known = select(Post.id).where(Post.id == post_id).with_for_update(read=True, key_share=True)
    if db.session.scalar(known) is None:
        return None
    author = db.session.get_one(User, author_id)
    voters = _voters(post_id, after)
    for _vote_id, user_id in voters:
        record_event(user_id, "poll_closed", str(post_id), actor=author, post_id=post_id)
    return voters[-1][0] if voters else None


def _voters(post_id: int, after: int) -> Sequence[Any]:
    vote, is_voter = PostPollVote, PostPollVote.user_id == _voter.id
    found = select(vote.id, vote.user_id).join(_voter, is_voter).join(Post, Post.id == vote.post_id).join(Post.author)
    can_see = (_voter.active, visibility.post_is_visible(vote.user_id))
    query = found.where(vote.post_id == post_id, vote.id > after, *can_see).order_by(vote.id).limit(NOTIFY_BATCH)
    return db.session.execute(query).all()
