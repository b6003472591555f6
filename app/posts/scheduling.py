"""Schedule posts, change or delete scheduled posts, and publish them. No other module writes scheduled posts.

Each function that changes a scheduled post first locks the row of its author. So a post is published or deleted once,
even if its job, "Post now" and "Delete" come at the same time. Publishing deletes the row in the same transaction.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import func, select

from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln, in_language_of
from app.core.time import now
from app.core.validation import checked_body, checked_warning, send_key
from app.extensions import db
from app.jobs import enqueue_at
from app.models import Post, ScheduledPost, User
from app.models.post import WARNING_LENGTH
from app.notifications import record_event
from app.posts import actions, audience, drafts
from app.posts.actions import PostOptions

PUBLISH = "posts.publish_scheduled"
GAVE_UP = _l("Something went wrong, even after retrying. You can try again.")
EARLIEST, LATEST = timedelta(minutes=5), timedelta(days=366)  # from now
MAX_SCHEDULED = 100  # scheduled posts of one member
KEPT_OPTIONS = {"language", "visibility", "warning"}  # what a scheduled post keeps
FORM_OPTIONS = {"form_key", "max_length"}  # what isn't part of the post


def moment_of(author: User, local: str) -> datetime:
    """Return the moment of a time such as "2026-03-29T02:30" in the author's time zone.

    If the clocks go forward at that time, the time doesn't exist. It is then read with the offset before the change, so
    that 2:30 becomes 3:30. If they go back, the time exists twice, and the first one is meant. These are the rules of
    RFC 5545. Raises ActionError if the text is no such time.
    """
    try:
        wall = datetime.strptime(local.strip()[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=_zone(author))
        return wall.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ActionError(_l("Choose a date and a time.")) from None


def local_time(author: User, moment: datetime) -> str:
    """Return a moment as a time in the author's time zone, such as "2026-03-29T02:30"."""
    return moment.astimezone(_zone(author)).strftime("%Y-%m-%dT%H:%M")


def _zone(author: User) -> ZoneInfo:
    return ZoneInfo(author.timezone or "UTC")


def schedule(author: User, body: str, options: PostOptions, at: datetime) -> ScheduledPost:
    """Schedule a post for the time `at`, and clear its draft, as publishing does. Return the scheduled post.

    If the same form is submitted twice, only one post is scheduled, and both calls return it. Raises ActionError if the
    text, the time or one of the options is invalid, or if the author has MAX_SCHEDULED scheduled posts.
    """
    values = _checked(author, body, options)
    _check_time(at)
    content = "\n".join([*(str(values[name]) for name in sorted(values)), at.isoformat()])
    values["form_key"] = send_key(author, content, options.form_key)
    _lock(author.id)
    if options.form_key:
        known = db.session.scalar(select(ScheduledPost).where(ScheduledPost.form_key == values["form_key"]))
        if known is not None:
            return known
    mine = select(func.count(ScheduledPost.id)).where(ScheduledPost.author_id == author.id)
    if (db.session.scalar(mine) or 0) >= MAX_SCHEDULED:
        raise ActionError(
            _ln(
                "You can schedule up to %(num)s post. Delete another one first.",
                "You can schedule up to %(num)s posts. Delete another one first.",
                MAX_SCHEDULED,
            )
        )
    row = ScheduledPost(author_id=author.id, publish_at=at, **values)
    db.session.add(row)
    db.session.flush()
    drafts.clear(author, options.form_key, row.body)
    enqueue_at(PUBLISH, at, scheduled_id=row.id)
    return row


def change(author: User, scheduled_id: int, body: str, options: PostOptions, at: datetime) -> None:
    """Change the text, the options and the time of a scheduled post.

    The time may stay as it is, unless publishing was refused. Raises ActionError if the text, the time or one of the
    options is invalid, or if the post is no longer scheduled.
    """
    values = _checked(author, body, options)
    row = _locked(author, scheduled_id)
    if at != row.publish_at or row.refusal:
        _check_time(at)
        enqueue_at(PUBLISH, at, scheduled_id=row.id)  # the job of the old time does nothing
    for name, value in values.items():
        setattr(row, name, value)
    row.publish_at, row.refusal = at, ""
    db.session.flush()


def delete(author: User, scheduled_id: int) -> None:
    """Delete a scheduled post. Raises ActionError if it is no longer scheduled."""
    db.session.delete(_locked(author, scheduled_id))
    db.session.flush()


def publish_now(author: User, scheduled_id: int) -> Post:
    """Publish a scheduled post before its time. Return the post.

    Raises ActionError if it is no longer scheduled, or if publishing is refused.
    """
    return _publish(author, _locked(author, scheduled_id))


def publish_due(scheduled_id: int) -> None:
    """Publish a scheduled post whose time has come. Do nothing if it isn't due or doesn't exist.

    Raises ActionError if publishing is refused, or if the author's account is suspended or closed. The caller then
    rolls back, and calls `refuse_due` in a new transaction. A savepoint wouldn't do, because nothing can be published
    in one (app/notifications/outbox.py).
    """
    author, row = _lock_due(scheduled_id)
    if author is None or row is None:
        return
    if not author.active:
        raise ActionError(_l("Your account was suspended or closed at that time."))
    _publish(author, row)


def refuse_due(scheduled_id: int, refusal: ActionError) -> None:
    """Keep a scheduled post that couldn't be published, and tell its author why, in their language.

    Do nothing if it isn't due or doesn't exist.
    """
    author, row = _lock_due(scheduled_id)
    if author is None or row is None:
        return
    with in_language_of(author):
        row.refusal = str(refusal)
    db.session.flush()
    event = {"words": row.refusal, "text": row.body, "language": row.language, "warning": row.warning}
    record_event(row.author_id, "schedule_failed", f"{row.id}:{row.publish_at.timestamp():.0f}", args=event)


def _publish(author: User, row: ScheduledPost) -> Post:
    length = current_app.config["POST_MAX_LENGTH"]
    options = PostOptions(row.language, row.visibility, row.warning, max_length=length)
    post = actions.publish(author, row.body, options)
    db.session.delete(row)
    db.session.flush()
    return post


def _checked(author: User, body: str, options: PostOptions) -> dict[str, Any]:
    """Return the columns of a scheduled post. Raises ActionError if the text or one of the options is invalid."""
    others = {one.name for one in fields(options)} - KEPT_OPTIONS - FORM_OPTIONS
    if any(getattr(options, name) for name in others):
        raise ActionError(_l("Only text can be scheduled. Remove the images or the poll, or post it now."))
    body = checked_body(body, options.max_length)
    level = audience.checked_level(options.visibility) if options.visibility else audience.default_level(author)
    actions.check_mentions(level, body)
    audience.mentioned_ids(author, level, body)
    return {
        "body": body,
        "language": actions.checked_language(options.language),
        "visibility": level,
        "warning": checked_warning(options.warning, WARNING_LENGTH),
    }


def _check_time(at: datetime) -> None:
    # A minute less than the form says, because `at` has no seconds.
    if not now() + EARLIEST - timedelta(minutes=1) <= at <= now() + LATEST:
        raise ActionError(_l("Choose a time between 5 minutes and one year from now."))


def _lock(author_id: int) -> User | None:
    """Lock the row of an author until the commit, and return it."""
    author = select(User).where(User.id == author_id).with_for_update(key_share=True)
    found: User | None = db.session.scalar(author.execution_options(populate_existing=True))
    return found


def _lock_due(scheduled_id: int) -> tuple[User | None, ScheduledPost | None]:
    """Lock the author of a scheduled post. Return the author and the post; None for the post if it isn't due."""
    author_id = db.session.scalar(select(ScheduledPost.author_id).where(ScheduledPost.id == scheduled_id))
    author = _lock(author_id) if author_id is not None else None
    row = db.session.get(ScheduledPost, scheduled_id, populate_existing=True) if author is not None else None
    is_due = row is not None and not row.refusal and row.publish_at <= now()
    return author, row if is_due else None


def _locked(author: User, scheduled_id: int) -> ScheduledPost:
    _lock(author.id)
    row = db.session.get(ScheduledPost, scheduled_id, populate_existing=True)
    if row is None or row.author_id != author.id:
        raise ActionError(_l("This post isn't scheduled anymore."))
    return row
