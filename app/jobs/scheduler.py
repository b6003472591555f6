"""The scheduler: find and push jobs that are due, that Redis lost, or whose worker died.

It finds them in the database, so Redis may lose all its data. Delayed jobs, retries and periodic jobs are rows that
become due. Several schedulers may run at once: the lease on each row makes duplicate work harmless.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update

from app.core.database import read_transaction, write_transaction
from app.core.redis_client import RedisUnavailable
from app.core.signals import job_changed
from app.core.time import now
from app.extensions import db
from app.jobs import broker
from app.jobs.enqueuing import FORGOTTEN_TIMEOUT, enqueue
from app.jobs.registry import MAX_CRASHES, QUEUES, definitions
from app.jobs.runner import FROM_THE_FUTURE, HEARTBEAT_EVERY
from app.models import Job

SILENT_AFTER = 5 * HEARTBEAT_EVERY  # seconds without a heartbeat after which an attempt counts as dead
LOST_AFTER = 10  # seconds after which a pushed job counts as lost if its RQ queue is empty
LOST_ANYWAY_AFTER = 120  # the same if its RQ queue is not empty
BATCH = 500
# The exact condition of a partial index. With "state = ?", SQLite would not use the index and read finished jobs too.
UNFINISHED = text("state IN ('queued', 'running')")
KEEP_DAYS = 14  # finished jobs are kept this long; EXPORT_DAYS may not be more (app/config.py)


def run_once() -> int:
    """Recover jobs whose worker died, and push due jobs. Return how many were pushed.

    An idle server only reads: it writes only if there is something to change.
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
    # One transaction for each job. Its commit locks the owner's clock; after that, it must not wait for another row.
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
    """Return whether another queued job has this job's unique key. If so, this job must give up the key."""
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
            # A job in a long queue is not lost. Pushing it again and again would block the workers.
            if queue not in held:
                held[queue] = broker.held(queue)
            if identity in held[queue]:
                continue
            definition = definitions.get(name)
            if not broker.push(identity, queue, definition.timeout if definition else FORGOTTEN_TIMEOUT):
                break  # Redis just became unavailable. These jobs will soon count as lost and be pushed again.
            pushed += 1
    except RedisUnavailable:
        pass  # these jobs, too, are pushed later
    return pushed


def _unpushed(moment: datetime) -> dict[str, ColumnElement[bool]]:
    """Return a condition for each queue: its jobs that were never pushed, or were pushed but are probably lost.

    If RQ's queue is not empty, it probably still has the job, so a job counts as lost later. Returns {} if Redis is
    unavailable, because nothing can be pushed then.
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
    """Mark the oldest wanted jobs as pushed, and return (id, queue, name) of each.

    Concurrent calls don't return the same jobs.
    """
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
    """Delete jobs KEEP_DAYS after they finished. Return how many were deleted. Called about once an hour."""
    with current_app.app_context(), read_transaction():
        old = Job.finished_at < now() - timedelta(days=KEEP_DAYS)
        if db.session.scalar(select(Job.id).where(old).limit(1)) is None:
            return 0
        with write_transaction():
            done = db.session.execute(delete(Job).where(old))
        return int(done.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult
