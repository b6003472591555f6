"""The scheduler: finds every job that is due, was lost by Redis, or whose worker died. It only needs the rows.

Delayed jobs, retries and periodic jobs are rows that become due. Any number of schedulers may run at once: the lease on
the row makes duplicate work harmless.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update

from app.core.clock import now
from app.core.database import read_transaction, write_transaction
from app.core.redis_client import RedisUnavailable
from app.core.signals import job_changed
from app.extensions import db
from app.jobs import broker
from app.jobs.enqueuing import FORGOTTEN_TIMEOUT, enqueue
from app.jobs.registry import MAX_CRASHES, QUEUES, definitions
from app.jobs.runner import FROM_THE_FUTURE, HEARTBEAT_EVERY
from app.models import Job

SILENT_AFTER = 5 * HEARTBEAT_EVERY  # seconds without a heartbeat after which an attempt is dead
LOST_AFTER = 10  # seconds after which a pushed job counts as lost if its queue is empty
LOST_ANYWAY_AFTER = 120  # the same if the queue is not empty
BATCH = 500
# Exactly the condition of the partial index: with "state = ?" SQLite would not use it, and would read finished jobs.
UNFINISHED = text("state IN ('queued', 'running')")
KEEP_DAYS = 14  # finished jobs are kept this long; EXPORT_DAYS may not be more (app/config.py)


def run_once() -> int:
    """Run one round: recover jobs of dead workers and push due jobs. Return how many were pushed.

    Reads first, and writes only if there is something to write, so an idle server stays idle.
    """
    with current_app.app_context(), read_transaction():
        _revive_dead()
        return _push_due()


def _revive_dead() -> None:
    moment = now()
    silent = and_(
        Job.state == "running",
        or_(
            Job.heartbeat_at < moment - timedelta(seconds=SILENT_AFTER),
            Job.heartbeat_at > moment + FROM_THE_FUTURE,
        ),
    )
    # One transaction per job: it locks the owner's clock last, and must not wait for another job's row after that.
    for identity in db.session.scalars(select(Job.id).where(UNFINISHED, silent).limit(BATCH)).all():
        with write_transaction():
            job = db.session.scalar(
                select(Job)
                .where(Job.id == identity, silent)
                .with_for_update(skip_locked=True)
                .execution_options(populate_existing=True)
            )
            if job is not None:
                _revive(job, moment)


def _revive(job: Job, moment: datetime) -> None:
    job.crashes += 1
    job.run_token = None
    if job.crashes >= MAX_CRASHES:
        job.state, job.finished_at = "failed", moment
        job.error = f"the worker died {job.crashes} times while running it"
    else:
        if _key_is_taken(job):
            job.unique_key = None
        job.state, job.queued_at, job.run_after, job.pushed_at = "queued", moment, moment, None
    db.session.flush()
    job_changed.send(job)
    current_app.logger.warning("job %s (%s) lost its worker: now %s", job.id, job.name, job.state)


def _key_is_taken(job: Job) -> bool:
    """Return whether another queued job has this job's unique key. This job then continues without the key."""
    others = select(Job.id).where(Job.unique_key == job.unique_key, Job.state == "queued", Job.id != job.id)
    return job.unique_key is not None and db.session.scalar(others.limit(1)) is not None


def _push_due() -> int:
    moment = now()
    due = and_(
        Job.state == "queued",
        or_(Job.run_after <= moment, Job.queued_at > moment + FROM_THE_FUTURE),
    )
    wanted = [due & (Job.queue == queue) & unpushed for queue, unpushed in _unpushed(moment).items()]
    if not wanted or db.session.scalar(select(Job.id).where(UNFINISHED, due, or_(*wanted)).limit(1)) is None:
        return 0
    pushed = 0
    held: dict[str, set[str]] = {}
    try:
        for identity, queue, name in _take(or_(*wanted), moment):
            # A long queue is not a lost one. Pushing its jobs again and again would block the workers.
            if queue not in held:
                held[queue] = broker.held(queue)
            if identity in held[queue]:
                continue
            definition = definitions.get(name)
            if not broker.push(identity, queue, definition.timeout if definition else FORGOTTEN_TIMEOUT):
                break  # Redis just became unavailable: these jobs count as lost soon and are pushed again
            pushed += 1
    except RedisUnavailable:
        pass  # as above
    return pushed


def _unpushed(moment: datetime) -> dict[str, ColumnElement[bool]]:
    """Return for each queue the condition that it doesn't hold a job: never pushed, or pushed and lost.

    A queue with ids in it probably holds these jobs too, so they count as lost later. Returns {} if Redis is
    unavailable, because nothing can be pushed.
    """
    found: dict[str, ColumnElement[bool]] = {}
    for queue in QUEUES:
        try:
            patience = LOST_AFTER if broker.waiting(queue) == 0 else LOST_ANYWAY_AFTER
        except RedisUnavailable:
            return {}
        lost = or_(Job.pushed_at < moment - timedelta(seconds=patience), Job.pushed_at > moment + FROM_THE_FUTURE)
        found[queue] = or_(Job.pushed_at.is_(None), lost)
    return found


def _take(wanted: ColumnElement[bool], moment: datetime) -> list[tuple[str, str, str]]:
    """Mark the oldest wanted jobs as pushed and return them. Concurrent schedulers don't get the same jobs."""
    oldest = (
        select(Job.id).where(UNFINISHED, wanted).order_by(Job.run_after).limit(BATCH).with_for_update(skip_locked=True)
    )
    with write_transaction():
        taken = db.session.execute(
            update(Job)
            .where(Job.id.in_(oldest.scalar_subquery()), wanted)
            .values(pushed_at=moment)
            .returning(Job.id, Job.queue, Job.name)
            .execution_options(synchronize_session=False)
        ).all()
    return [(identity, queue, name) for identity, queue, name in taken]


def enqueue_periodic() -> None:
    """Enqueue every periodic job that is due. Called about once a minute."""
    with current_app.app_context(), read_transaction():
        moment = now()
        for definition in list(definitions.values()):
            if definition.every is None:
                continue
            last = db.session.scalar(select(func.max(Job.queued_at)).where(Job.name == definition.name))
            if last is None or last <= moment - timedelta(seconds=definition.every) or last > moment:
                with write_transaction():
                    enqueue(definition.name, unique_key=f"periodic:{definition.name}")


def prune() -> int:
    """Delete finished jobs after KEEP_DAYS. Return how many. Called about once an hour."""
    with current_app.app_context(), read_transaction():
        old = Job.finished_at < now() - timedelta(days=KEEP_DAYS)
        if db.session.scalar(select(Job.id).where(old).limit(1)) is None:
            return 0
        with write_transaction():
            done = db.session.execute(delete(Job).where(old))
        return int(done.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult
