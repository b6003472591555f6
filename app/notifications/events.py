"""Record and retract events, which users see on the Activity page, in its badge, in emails and in pushes.

No other module creates events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Delete, Select, Update, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from app.core.database import built_once, insert_into, shared_alias
from app.core.signals import visibility_changed
from app.core.time import now
from app.extensions import db
from app.jobs import enqueue
from app.models import Activity, Post, PushSubscription, User
from app.models.activity import RETRACTED
from app.notifications import scheduling, sender_filters
from app.notifications.kinds import KINDS
from app.notifications.outbox import Phase, cancel, on_commit_locked, publish_state
from app.queries import activity

COUNT_JOB = "notifications.publish_counts"
# Users whose counts are published in one transaction. It locks the clocks of all of them.
COUNT_BATCH = 100
_quote = shared_alias(Post)


def record_event(
    user_id: int,
    kind: str,
    subject: str,
    *,
    actor: User | None = None,
    post_id: int | None = None,
    known: bool = False,
    args: Mapping[str, Any] | None = None,
) -> None:
    """Record an event for a user when the current transaction commits.

    Nothing is recorded if an event with the same user, kind and subject exists, if the actor is the user, or if the
    user's sender filters drop the event. An event that was retracted after it had been sent is shown again.

    `args` is JSON-serialisable data for the event's text. If `known` is true, the event is stored as read, because the
    user already knows about it. Raises KeyError for an undeclared kind.
    """
    declared = KINDS[kind]
    if actor is not None and actor.id == user_id:
        return
    verdict = sender_filters.filter_event(user_id, kind, actor)
    if verdict.choice == "drop":
        return
    values = {
        "user_id": user_id,
        "kind": declared.name,
        "subject": subject,
        "actor_id": actor.id if actor else None,
        "post_id": post_id,
        "args": dict(args or {}),
        "held_by": verdict.filter,
        "created_at": now(),
        "read_at": now() if known else None,
    }

    def write(timestamp: float) -> None:
        # Check whether the row exists before inserting it, to avoid a deadlock: an INSERT that conflicts with a locked
        # row waits for the lock. A request that marks this row as read holds that lock, and waits for our clock lock.
        if _is_known(user_id, kind, subject):
            return
        is_new = db.session.scalar(_insert_once(), {**values, "timestamp": timestamp}) is not None
        if is_new and not verdict.filter and not known:
            scheduling.schedule_locked(user_id, kind)

    def deliver(_timestamp: float) -> None:
        if not verdict.filter:
            scheduling.schedule_locked(user_id, kind)

    restored = declared.undoable and _restore(user_id, kind, subject, verdict.filter)
    on_commit_locked(user_id, ("activity", kind, subject), deliver if restored else write, Phase.ROWS)
    publish_activity_count(user_id)


def restore_event(user_id: int, kind: str, subject: str, *, actor: User) -> bool:
    """Show an event again that `retract_event` has hidden, because its cause is repeated. Return whether there was one.

    If not, the caller records the event. `record_event` itself does this for undoable kinds only, because it takes a
    statement. The caller must hold the lock that `retract_event` needs.
    """
    verdict = sender_filters.filter_event(user_id, kind, actor)
    if verdict.choice == "drop" or not _restore(user_id, kind, subject, verdict.filter):
        return False
    if not verdict.filter:
        scheduling.schedule_delivery(user_id, kind)
    publish_activity_count(user_id)
    return True


def retract_event(user_id: int, kind: str, subject: str) -> None:
    """Retract an event whose cause was undone.

    An event that the user has read or dismissed is kept as it is, so that repeating the cause doesn't notify the user
    again. An unread event is deleted; if it was already sent by email or push, it is hidden instead, so that repeating
    the cause shows it without sending it again. Events of quiet kinds are always deleted.

    The caller must hold a lock that another transaction needs to record the same event. The row is changed at once and
    not under the clock lock, to prevent a deadlock: `mark_read` also locks rows of events before the clock.
    """
    cancel(user_id, ("activity", kind, subject), Phase.ROWS)
    event = _has_key(user_id, kind, subject)
    is_unread = Activity.read_at.is_(None)
    if KINDS[kind].quiet:
        db.session.execute(delete(Activity).where(*event))
    elif not _changes_row(delete(Activity).where(*event, is_unread, ~_was_sent(user_id))):
        _changes_row(update(Activity).where(*event, is_unread).values(filtered_by=RETRACTED, read_at=now()))
    publish_activity_count(user_id)


def _was_sent(user_id: int) -> ColumnElement[bool]:
    """Return the condition that an event of the user was emailed or may have been pushed."""
    browser = (PushSubscription.user_id == user_id, PushSubscription.synced_until >= Activity.timestamp)
    pushed = exists().where(*browser).correlate(Activity)
    return and_(Activity.filtered_by == "", or_(Activity.mailed_at.is_not(None), pushed))


def _restore(user_id: int, kind: str, subject: str, filtered_by: str) -> bool:
    """Show an event again that `retract_event` has hidden. Return whether there is one.

    The event keeps its timestamp, so browsers that were notified of it by push aren't notified again.
    """
    values = {"of_user": user_id, "of_kind": kind, "of_subject": subject, "shown_by": filtered_by}
    return db.session.scalar(_restored(), values) is not None


@built_once
def _restored() -> ReturningUpdate[int]:
    # The parameters can't have the names of the columns, because SQLAlchemy would store their values.
    event = _has_key(*map(bindparam, ("of_user", "of_kind", "of_subject")))
    hidden = update(Activity).where(*event, Activity.filtered_by == RETRACTED)
    shown = hidden.values(filtered_by=bindparam("shown_by"), read_at=None)
    return shown.returning(Activity.id).execution_options(synchronize_session=False)


def _changes_row(statement: Update | Delete) -> bool:
    one: Any = statement.returning(Activity.id).execution_options(synchronize_session=False)
    return db.session.scalar(one) is not None


def _is_known(user_id: int, kind: str, subject: str) -> bool:
    return db.session.scalar(_same(), {"user_id": user_id, "kind": kind, "subject": subject}) is not None


@built_once
def _insert_once() -> ReturningInsert[int]:
    table = Activity.__table__
    stmt: ReturningInsert[int] = insert_into(table).on_conflict_do_nothing().returning(table.c.id)
    return stmt


@built_once
def _same() -> Select[int]:
    return select(Activity.id).where(*_has_key(*map(bindparam, ("user_id", "kind", "subject"))))


def _has_key(user_id: Any, kind: Any, subject: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that select one event. The values may be parameters of the statement."""
    return Activity.user_id == user_id, Activity.kind == kind, Activity.subject == subject


def publish_activity_count(user_id: int) -> None:
    """Publish the user's number of unread events when the current transaction commits."""
    publish_state(user_id, "unread_activity_count", lambda: activity.unread_count(user_id))


def refresh_counts_for_deleted_post(post_id: int) -> None:
    """Publish new unread counts to all users with an unread event about this post, when the transaction commits.

    Everyone who voted in the post's poll may have such an event. The author of a quoted post also gets a count: if they
    mute the thread, it hides events of quotes only while the post exists. If there are more than COUNT_BATCH users, a
    job publishes the counts of the others after the commit.

    Call this before the post is deleted. Deleting the post also deletes the events about it, so afterwards the users
    can't be found. The caller must have locked the post for its deletion, so that no event about it is recorded later.
    """
    heard = select(Activity.user_id).where(Activity.post_id == post_id, Activity.read_at.is_(None))
    quoted = select(Post.author_id).where(Post.id == post_id, exists().where(_quote.quote_of_id == Post.id))
    user_ids = sorted(db.session.scalars(heard.union(quoted)).all())
    for user_id in user_ids[:COUNT_BATCH]:
        publish_activity_count(user_id)
    if len(user_ids) > COUNT_BATCH:
        enqueue(COUNT_JOB, user_ids=user_ids[COUNT_BATCH:])


def publish_activity_counts(user_ids: Sequence[int]) -> None:
    """Publish the number of unread events to each of these users whose account still exists."""
    # The lock keeps the accounts, whose clocks are locked at the commit.
    existing = select(User.id).where(User.id.in_(user_ids)).order_by(User.id)
    for user_id in db.session.scalars(existing.with_for_update(read=True, key_share=True)).all():
        publish_activity_count(user_id)


@visibility_changed.connect
def _count_activity(_sender: None, user_id: int, other_id: int, restored: bool) -> None:
    """Publish a user's number of unread events after a block or mute has begun or ended.

    If `restored` is true, events that were hidden are visible again, so schedule email and push about them. The rows of
    the events don't change, because queries hide the events (app/queries/visibility.py).
    """
    publish_activity_count(user_id)
    if restored:
        _deliver_unread(user_id, Activity.actor_id == other_id)


def refresh_counts_for_thread(user_id: int, root_id: int, *, restored: bool) -> None:
    """Publish a user's number of unread events after they muted or unmuted the thread with this root.

    If `restored` is true, the events of the thread are visible again, so schedule email and push about them.
    """
    publish_activity_count(user_id)
    if restored:
        _deliver_unread(user_id, activity.is_of_thread(root_id))


def _deliver_unread(user_id: int, which: ColumnElement[bool]) -> None:
    waiting = select(Activity.kind).where(activity.is_unread(user_id), which).distinct()
    for kind in db.session.scalars(waiting.where(Activity.kind.in_(KINDS))).all():
        scheduling.schedule_delivery(user_id, kind)
