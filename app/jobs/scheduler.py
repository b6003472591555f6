"""The scheduler: push jobs that are due, that Redis lost, or whose worker died.

The scheduler finds these jobs in the database, so no job is lost if Redis loses its data. Delayed jobs, retries and
periodic jobs are rows that become due. If several schedulers run at once, a job can be pushed twice. Only one worker
runs it, because a worker must first get the lease on the job's row.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from app.core.database import read_transaction, write_transaction
from app.core.redis_client import RedisUnavailable
from app.core.time import now
from app.extensions import db
from app.jobs import broker, recovery
from app.jobs.enqueuing import FORGOTTEN_TIMEOUT, enqueue
from app.jobs.recovery import BATCH
from app.jobs.registry import QUEUES, definitions
from app.jobs.runner import FROM_THE_FUTURE
from app.models import Job
from app.models.job import IS_OPEN

LOST_AFTER = 10  # seconds after which a pushed job counts as lost if its RQ queue is empty
LOST_ANYWAY_AFTER = 120  # the same if its RQ queue is not empty
KEEP_DAYS = 14  # finished jobs are kept this long; EXPORT_DAYS may not be more (app/config.py)
NEVER = datetime.min.replace(tzinfo=UTC)


def run_once() -> int:
    """Recover jobs whose worker died, and push due jobs. Return the number of pushed jobs.

    If there are no such jobs, this only reads from the database.
    """
    with current_app.app_context(), read_transaction():
        recovery.requeue_dead_jobs()
        return _push_due()


def _push_due() -> int:
    moment = now()
    due = and_(
        Job.state == "queued",
        or_(Job.run_after <= moment, Job.queued_at > moment + FROM_THE_FUTURE),
    )
    wanted = [due & (Job.queue == queue) & unpushed for queue, unpushed in _unpushed(moment).items()]
    if not wanted or db.session.scalar(select(Job.id).where(IS_OPEN, due, or_(*wanted)).limit(1)) is None:
        return 0
    pushed = 0
    held: dict[str, set[str]] = {}
    try:
        for identity, queue, name in _take(or_(*wanted), moment):
            # A job that is still in RQ's queue is not lost. Pushing it again and again would block the workers.
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
    """Return an SQL condition for each queue name: whether a job of this queue was never pushed, or is probably lost.

    A pushed job counts as lost after LOST_AFTER seconds if its RQ queue is empty. If its RQ queue is not empty, the job
    is probably still in it, and counts as lost only after LOST_ANYWAY_AFTER seconds. Return {} if Redis is unavailable,
    because nothing can be pushed then.
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
    """Mark the oldest jobs that match `wanted` as pushed, and return (id, queue, name) of each.

    Return at most BATCH jobs. Concurrent calls don't return the same jobs.
    """
    oldest = (
        select(Job.id).where(IS_OPEN, wanted).order_by(Job.run_after).limit(BATCH).with_for_update(skip_locked=True)
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
    """Enqueue every periodic job that is due, in one transaction. Called about once a minute."""
    with current_app.app_context(), read_transaction():
        moment = now()
        periods = {one.name: timedelta(seconds=one.every) for one in definitions.values() if one.every is not None}
        queued = select(Job.name, func.max(Job.queued_at)).where(Job.name.in_(periods)).group_by(Job.name)
        last: dict[str, datetime] = dict(db.session.execute(queued).all())
        due = [name for name, every in periods.items() if not moment - every < last.get(name, NEVER) <= moment]
        if due:
            with write_transaction():
                for name in sorted(due):  # sorted, so that two schedulers don't deadlock
                    enqueue(name, unique_key=f"periodic:{name}")


def prune() -> int:
    """Delete jobs that finished more than KEEP_DAYS days ago. Return their number. Called about once an hour."""
    with current_app.app_context(), read_transaction():
        old = Job.finished_at < now() - timedelta(days=KEEP_DAYS)
        if db.session.scalar(select(Job.id).where(old).limit(1)) is None:
            return 0
        with write_transaction():
            done = db.session.execute(delete(Job).where(old))
        return int(done.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult
