"""The only road to the Redis queues: order work with `enqueue`, declare it with `@job`.

A job is a row first. It is written in the caller's transaction, handed to RQ after the outermost commit, and run
under a claim on the row. So a rollback sends nothing, a commit loses nothing, and what Redis forgets or a dead worker
leaves behind is found again by the scheduler. A job may run twice; it must not act twice. The design is the
transactional outbox (Richardson, *Microservices Patterns*, ch. 3).
"""

from app.jobs.broker import worker_is_alive
from app.jobs.enqueuing import enqueue, enqueue_at, retry
from app.jobs.registry import definitions, job, when_changed
from app.jobs.runner import LeaseLost, PermanentError, current_job_id, perform, report_progress

__all__ = [
    "LeaseLost",
    "PermanentError",
    "current_job_id",
    "definitions",
    "enqueue",
    "enqueue_at",
    "job",
    "perform",
    "report_progress",
    "retry",
    "when_changed",
    "worker_is_alive",
]
