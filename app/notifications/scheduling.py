"""Schedule email and push about pending items: unread events and messages about which the user wasn't notified yet.

Each user has at most one scheduled email job for each cadence, and one scheduled push job for each browser. A job loads
its content when it runs. So it includes items that are newer than the job, and omits items that were read meanwhile. It
also checks the user's settings and the daily cap when it runs, so changed settings apply to scheduled jobs. Jobs are
rows in the database, so a restart loses none.

Each feature stores its own pending items, and registers a provider that returns them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Select, bindparam, or_, select, update

from app.core.database import built_once
from app.core.time import now
from app.extensions import db
from app.jobs import current_job_id, enqueue_once
from app.models import Job, PushSubscription, User
from app.models.job import IS_OPEN
from app.notifications import preferences, quiet_hours
from app.notifications.kinds import KINDS
from app.notifications.outbox import Phase, on_commit_locked
from app.notifications.quiet_hours import Hours

MAIL_JOB = "notifications.mail"
DIGEST_JOB = "notifications.digest"
RETRY_AFTER_OTHER = timedelta(seconds=10)  # delay of a job's next try while another job is emailing the same user
ESSENTIAL = "essential"  # the cadence of email that is never delayed
WITHHELD = "withheld"  # the template that replaces a section that can't be rendered or sent
CADENCES = (ESSENTIAL, "now", "daily", "weekly")


@dataclass(frozen=True)
class EmailSection:
    """A section of an email: an event, several grouped events, or the new messages of a conversation."""

    template: str  # a folder in templates/email/, with templates for an email of its own and for a part of a digest
    context: Mapping[str, Any] = field(default_factory=dict)
    events: int = 1  # how many events it shows
    place: tuple[str, Mapping[str, Any]] = ("activity.index", {})  # page with the same items: endpoint and values
    thread: str = ""  # an id such as "conversation.5"; email programs show emails with the same id as one thread


@dataclass(frozen=True)
class PendingBatch:
    """The pending items of one kind: how many there are, and email sections that show the newest of them."""

    kind: str
    events: int
    parts: Sequence[EmailSection]
    mark: Callable[[], None]  # marks all these items as emailed, in the caller's transaction

    @property
    def more(self) -> int:
        """The number of items that no section shows."""
        return self.events - sum(part.events for part in self.parts)


PendingProvider = Callable[[int, Collection[str]], Sequence[PendingBatch]]
_providers: list[PendingProvider] = []


def register_provider(ask: PendingProvider) -> PendingProvider:
    """Register a provider: a function `ask(user_id, kinds)` that returns a user's pending items of these kinds.

    Use this as a decorator.
    """
    if ask not in _providers:
        _providers.append(ask)
    return ask


def pending(user_id: int, cadence: str) -> list[PendingBatch]:
    """Return a user's pending items that are emailed at this cadence, as batches in the order of KINDS."""
    kinds = [kind for kind, chosen in preferences.grid(user_id).items() if cadence_of(kind, chosen.mail) == cadence]
    found = [one for ask in _providers for one in ask(user_id, kinds)] if kinds else []
    return sorted(found, key=lambda one: kinds.index(one.kind))


def schedule_delivery(user_id: int, kind: str) -> None:
    """Schedule email and push about an item of this kind when the current transaction commits."""
    on_commit_locked(user_id, ("delivery", kind), lambda _timestamp: schedule_locked(user_id, kind), Phase.JOBS)


def schedule_locked(user_id: int, kind: str) -> None:
    """Schedule email and push about an item of this kind. The caller must have locked the user's notification clock."""
    chosen = preferences.delivery(user_id, kind)
    if chosen.mail != "none":
        schedule_email(user_id, cadence_of(kind, chosen.mail), chosen.hours)
    if chosen.push:
        due = _push_due(chosen.hours, now())  # late enough for an open page to poll first
        for identity in chosen.browsers:
            schedule_push_at(identity, due)


def reschedule(user_id: int) -> None:
    """Apply changed settings to the user's scheduled email and push when the current transaction commits.

    Call this from every action that changes a user's delivery grid, hours or time zone. It moves scheduled jobs to
    their new times. If the cadence of pending items has changed, it schedules a job at the new cadence. The job at the
    old cadence stays scheduled, but finds nothing to send.
    """
    on_commit_locked(user_id, ("delivery",), lambda _timestamp: _reschedule(user_id), Phase.JOBS)


def _reschedule(user_id: int) -> None:
    times, moment = hours_of(user_id), now()
    for cadence in CADENCES:
        key = _key(user_id, cadence)
        job = db.session.scalar(
            select(Job)
            .where(Job.unique_key == key, Job.state == "queued")
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if job is None:
            if pending(user_id, cadence):
                schedule_email(user_id, cadence, times)
        elif job.run_after > moment and not job.attempts:  # a job that is due or retried checks the settings itself
            due = _new_due_time(job, cadence, times, moment)
            db.session.execute(update(Job).where(Job.id == job.id).values(run_after=due))
    _advance_pushes(user_id, _push_due(times, moment))


def _new_due_time(job: Job, cadence: str, times: Hours, moment: datetime) -> datetime:
    """Return when a scheduled email is due after the user has changed their delivery settings."""
    if cadence in {ESSENTIAL, "now"}:
        return min(mail_due(cadence, times, moment), quiet_hours.next_allowed(times, job.run_after))
    # Based on when the job was queued: a digest that was due in quiet hours is sent when they end, not a day later.
    due = mail_due(cadence, times, min(job.queued_at, moment))
    return max(due, quiet_hours.next_allowed(times, moment))


def _advance_pushes(user_id: int, due: datetime) -> None:
    """Move the user's scheduled pushes that are due after `due` to `due`.

    Pushes that are due earlier need no change, because a push job checks the quiet hours when it runs.
    """
    keys = [_push_key(identity) for identity in _subscriptions(user_id)]
    waits = update(Job).where(Job.unique_key.in_(keys), Job.state == "queued", Job.attempts == 0, Job.run_after > due)
    if keys:
        db.session.execute(waits.values(run_after=due).execution_options(synchronize_session=False))


def hours_of(user_id: int) -> Hours:
    """Return a user's current quiet hours, pause and digest times."""
    return preferences.hours(db.session.get_one(User, user_id), preferences.profile(user_id))


def cadence_of(kind: str, mail: str) -> str:
    """Return the cadence of email about a kind. `mail` is the user's setting: "now", "daily" or "weekly".

    The cadence is equal to the setting, with one exception: "now" becomes ESSENTIAL if the kind is essential.
    """
    return ESSENTIAL if mail == "now" and KINDS[kind].essential else mail


def schedule_email(user_id: int, cadence: str, times: Hours) -> None:
    """Schedule the user's next email at this cadence, unless one is already scheduled."""
    schedule_email_at(user_id, cadence, mail_due(cadence, times, now()))


def schedule_email_at(user_id: int, cadence: str, due: datetime) -> None:
    """Schedule the user's email at this cadence for `due`, unless one is already scheduled."""
    enqueue_once(_job(cadence), unique_key=_key(user_id, cadence), due=due, user_id=user_id, cadence=cadence)


def wait_for_other_email(user_id: int, cadence: str) -> datetime | None:
    """Return when to retry if another job is already emailing this user at this cadence; None if there is no such job.

    The other job marks its items as emailed only when it ends. If this job did not wait, it would send the same items
    again. This also applies to a job that is queued again because its worker died: the mail server may have accepted
    its email. Only essential email (the cadence ESSENTIAL) does not wait for such a job.

    The other job is found by its name and arguments, not by its unique key. If its worker died, a newer job may have
    the key.
    """
    this = {"job": _job(cadence), "user": user_id, "cadence": cadence, "own_job": current_job_id()}
    due = db.session.scalar(_running() if cadence == ESSENTIAL else _begun(), this)
    return max(due, now()) + RETRY_AFTER_OTHER if due else None


@built_once
def _begun() -> Select[datetime]:
    return _other_emails().where(or_(Job.state == "running", Job.crashes > 0))


@built_once
def _running() -> Select[datetime]:
    return _other_emails().where(Job.state == "running")


def _other_emails() -> Select[datetime]:
    """Select the due time of another unfinished job that emails the user at the cadence.

    The job's name, the user, the cadence, and the id of this job (`own_job`) are bind parameters.
    """
    user_id, cadence = Job.args["user_id"].as_integer(), Job.args["cadence"].as_string()
    same = (Job.name == bindparam("job"), user_id == bindparam("user"), cadence == bindparam("cadence"))
    return select(Job.run_after).where(*same, Job.id != bindparam("own_job"), IS_OPEN).limit(1)


def _job(cadence: str) -> str:
    """Return the name of the job that sends email at this cadence.

    Digests are sent by a job in the slow queue, so that thousands of digests at 8:00 don't delay password resets.
    """
    return DIGEST_JOB if cadence in {"daily", "weekly"} else MAIL_JOB


def _key(user_id: int, cadence: str) -> str:
    return f"mail:{user_id}:{cadence}"


def mail_due(cadence: str, times: Hours, moment: datetime) -> datetime:
    """Return when an email at this cadence is due about an item that was created at `moment`."""
    if cadence == ESSENTIAL:
        return moment
    if cadence == "now":
        wait = timedelta(seconds=current_app.config["MESSAGE_MAIL_DELAY"])
        return quiet_hours.next_allowed(times, moment + wait)
    return quiet_hours.next_digest(times, cadence, moment)


def schedule_push_at(subscription_id: int, due: datetime) -> None:
    """Schedule a push to one browser for `due`, unless one is already scheduled."""
    key = _push_key(subscription_id)
    enqueue_once("notifications.push", unique_key=key, due=due, subscription_id=subscription_id)


def _subscriptions(user_id: int) -> Sequence[int]:
    """Return the ids of the user's push subscriptions, sorted to avoid deadlocks.

    If a browser has just changed from one user to another, transactions of both users may lock its push job.
    """
    theirs = select(PushSubscription.id).where(PushSubscription.user_id == user_id)
    return db.session.scalars(theirs.order_by(PushSubscription.id)).all()


def _push_due(times: Hours, moment: datetime) -> datetime:
    return quiet_hours.next_allowed(times, moment + timedelta(seconds=current_app.config["POLL_INTERVAL"] + 2))


def _push_key(subscription_id: int) -> str:
    return f"push:{subscription_id}"
