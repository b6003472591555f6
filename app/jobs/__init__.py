"""Background jobs: declare them with `@job` and add them with `enqueue`, the only way to the Redis queues.

A job is first a row, written in the caller's transaction. After the outermost commit its id is pushed to RQ, and a
worker runs it under a lease on the row. So a rollback sends nothing, a commit loses nothing, and the scheduler recovers
jobs that Redis lost or whose worker died. Jobs are idempotent: they may run twice. The design is the transactional
outbox (Richardson, *Microservices Patterns*, ch. 3).
"""

from app.jobs.broker import worker_is_alive
from app.jobs.enqueuing import enqueue, enqueue_at, retry
from app.jobs.registry import definitions, job
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
    "worker_is_alive",
]
