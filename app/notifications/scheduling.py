"""Mail and push for what happened: ordered as jobs, under the person's clock, for the time their grid says.

One job waits for each person and cadence, and gathers when it runs: what was read meanwhile is left out, what came
meanwhile is taken along. It asks the grid, the hours and the cap once more, so a change of settings holds for what
waits, too. All of it is rows: a restart forgets nothing.

What waits is kept where it happened, so each feature that has some registers a source.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import false, or_, select, text, update

from app.core.clock import now
from app.extensions import db
from app.jobs import current_job_id, enqueue
from app.models import Job, PushSubscription, User
from app.notifications import preferences, quiet_hours
from app.notifications.kinds import KINDS
from app.notifications.outbox import Phase, on_commit_locked
from app.notifications.quiet_hours import Hours

MAIL_JOB = "notifications.mail"
DIGEST_JOB = "notifications.digest"
AFTER_THE_OTHER = timedelta(seconds=10)  # until a mail looks again whether another one to the same person has gone
ESSENTIAL = "essential"  # the cadence of mail that waits for nothing
WITHHELD = "withheld"  # the template of a part that an email cannot show
CADENCES = (ESSENTIAL, "now", "daily", "weekly")


@dataclass(frozen=True)
class EmailSection:
    """One thing that a mail tells: an event, some that are told as one, or what is new in a conversation."""

    template: str  # the folder in templates/email/ that words it, alone and among others
    context: Mapping[str, Any] = field(default_factory=dict)
    events: int = 1
    place: tuple[str, Mapping[str, Any]] = ("activity.index", {})  # the page that shows it: endpoint and values
    thread: str = ""  # emails about one thread only are shown together: "conversation.5"


@dataclass(frozen=True)
class PendingBatch:
    """What waits to be mailed of one kind: the number of all events, and the newest of them in parts."""

    kind: str
    events: int
    parts: Sequence[EmailSection]
    mark: Callable[[], None]  # notes in the caller's transaction that a mail told all these events

    @property
    def more(self) -> int:
        """How many events are in no part."""
        return self.events - sum(part.events for part in self.parts)


PendingProvider = Callable[[int, Collection[str]], Sequence[PendingBatch]]
_sources: list[PendingProvider] = []


def register_provider(ask: PendingProvider) -> PendingProvider:
    """Register `ask(user_id, kinds)`: what waits, unread and not mailed yet, of those of the kinds that it keeps."""
    if ask not in _sources:
        _sources.append(ask)
    return ask


def pending(user_id: int, cadence: str) -> list[PendingBatch]:
    """What waits for a person at this cadence, by the grid as it is now, in the order of the kinds."""
    kinds = [kind for kind, chosen in preferences.grid(user_id).items() if cadence_of(kind, chosen.mail) == cadence]
    found = [one for ask in _sources for one in ask(user_id, kinds)] if kinds else []
    return sorted(found, key=lambda one: kinds.index(one.kind))


def schedule_delivery(user_id: int, kind: str) -> None:
    """Order mail and push about an event of this kind, when the current transaction commits."""
    on_commit_locked(user_id, ("delivery", kind), lambda _timestamp: schedule_locked(user_id, kind), Phase.ORDERS)


def schedule_locked(user_id: int, kind: str) -> None:
    """The same, from what runs under the person's clock already."""
    preference = preferences.grid(user_id)[kind]
    if preference.mail == "none" and not preference.push:
        return
    times = times_of(user_id)
    if preference.mail != "none":
        schedule_email(user_id, cadence_of(kind, preference.mail), times)
    if preference.push:
        schedule_pushes(user_id, times)


def reschedule(user_id: int) -> None:
    """Let changed settings hold for the mail and the pushes that wait, when the current transaction commits.

    For every action that changes a person's grid, hours or zone. What waits moves to its new time, and what is told at
    another cadence from now on is ordered there; the job of the old one finds nothing.
    """
    on_commit_locked(user_id, ("delivery",), lambda _timestamp: _reconsider(user_id), Phase.ORDERS)


def _reconsider(user_id: int) -> None:
    times, moment = times_of(user_id), now()
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
        elif job.run_after > moment and not job.attempts:  # else it is due or being tried again, and asks by itself
            due = _moved(job, cadence, times, moment)
            db.session.execute(update(Job).where(Job.id == job.id).values(run_after=due))
    _hasten_pushes(user_id, _push_due(times, moment))


def _moved(job: Job, cadence: str, times: Hours, moment: datetime) -> datetime:
    """When a mail that waits goes by these times."""
    if cadence in {ESSENTIAL, "now"}:
        return min(mail_due(cadence, times, moment), quiet_hours.may_tell_at(times, job.run_after))
    # By when it was ordered: a digest whose hour came in a quiet time waits for its end, and not for another day.
    due = mail_due(cadence, times, min(job.queued_at, moment))
    return max(due, quiet_hours.may_tell_at(times, moment))


def _hasten_pushes(user_id: int, due: datetime) -> None:
    """Pushes that wait for the end of a quiet time go when it ends now. Those that are early ask by themselves."""
    keys = [_push_key(identity) for identity in _browsers(user_id)]
    waits = update(Job).where(Job.unique_key.in_(keys), Job.state == "queued", Job.attempts == 0, Job.run_after > due)
    if keys:
        db.session.execute(waits.values(run_after=due).execution_options(synchronize_session=False))


def times_of(user_id: int) -> Hours:
    """When a person may be told, by their settings as they are now."""
    return preferences.hours(db.session.get_one(User, user_id), preferences.profile(user_id))


def cadence_of(kind: str, mail: str) -> str:
    """In which mail a kind is told: "now", "daily", "weekly", or ESSENTIAL for what a person wants at once."""
    return ESSENTIAL if mail == "now" and KINDS[kind].essential else mail


def schedule_email(user_id: int, cadence: str, times: Hours) -> None:
    """Order the person's next mail of that cadence, unless one waits."""
    schedule_email_at(user_id, cadence, mail_due(cadence, times, now()))


def schedule_email_at(user_id: int, cadence: str, due: datetime) -> None:
    """Order it for that moment, unless one waits."""
    delay = max(0.0, (due - now()).total_seconds())
    enqueue(_job(cadence), delay=delay, unique_key=_key(user_id, cadence), user_id=user_id, cadence=cadence)


def wait_for_other_email(user_id: int, cadence: str) -> datetime | None:
    """When to look again, while another job has begun to mail this person at this cadence; else None.

    What that job tells is not marked before it has ended, and would be told twice. It may have died after the mail
    server's OK and wait to be run once more; only what is essential does not wait for that. It is not found by its
    unique key, which a job that was found dead has lost to the one that waits.
    """
    died = Job.crashes > 0 if cadence != ESSENTIAL else false()
    begun = select(Job.run_after).where(
        Job.name == _job(cadence),
        Job.args["user_id"].as_integer() == user_id,
        Job.args["cadence"].as_string() == cadence,
        Job.id != current_job_id(),
        or_(Job.state == "running", died),
        text("state IN ('queued', 'running')"),  # word for word as in the index: only unfinished jobs are looked at
    )
    due = db.session.scalar(begun.limit(1))
    return max(due, now()) + AFTER_THE_OTHER if due else None


def _job(cadence: str) -> str:
    """Digests have a queue behind them all: thousands of them at eight must not stand before a new password."""
    return DIGEST_JOB if cadence in {"daily", "weekly"} else MAIL_JOB


def _key(user_id: int, cadence: str) -> str:
    return f"mail:{user_id}:{cadence}"


def mail_due(cadence: str, times: Hours, moment: datetime) -> datetime:
    """When a mail of that cadence goes about what happened at `moment`."""
    if cadence == ESSENTIAL:
        return moment
    if cadence == "now":
        wait = timedelta(seconds=current_app.config["MESSAGE_MAIL_DELAY"])
        return quiet_hours.may_tell_at(times, moment + wait)
    return quiet_hours.next_digest(times, cadence, moment)


def schedule_pushes(user_id: int, times: Hours) -> None:
    """Order a push to each browser that asked for it, after a page that is open had time to hear of the event."""
    due = _push_due(times, now())
    for identity in _browsers(user_id):
        schedule_push_at(identity, due)


def schedule_push_at(subscription_id: int, due: datetime) -> None:
    """Order a push to one browser for that moment, unless one waits."""
    delay = max(0.0, (due - now()).total_seconds())
    key = _push_key(subscription_id)
    enqueue("notifications.push", delay=delay, unique_key=key, subscription_id=subscription_id)


def _browsers(user_id: int) -> Sequence[int]:
    """In one order: of one that moved to somebody else just now, two clocks may think that it is theirs."""
    theirs = select(PushSubscription.id).where(PushSubscription.user_id == user_id)
    return db.session.scalars(theirs.order_by(PushSubscription.id)).all()


def _push_due(times: Hours, moment: datetime) -> datetime:
    return quiet_hours.may_tell_at(times, moment + timedelta(seconds=current_app.config["POLL_INTERVAL"] + 2))


def _push_key(subscription_id: int) -> str:
    return f"push:{subscription_id}"
