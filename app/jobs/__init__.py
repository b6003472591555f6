"""Background jobs: declare them with `@job`, and enqueue them with `enqueue`.

`enqueue` inserts a row in the caller's transaction. After the commit, the id of the row is pushed to RQ, and a worker
runs the job under a lease on the row. So a job runs only if the transaction was committed. After the commit, no job is
lost: if Redis loses a job, or if the worker dies that runs it, the scheduler pushes the job again. A job can run twice,
so every job must be idempotent. This design is the transactional outbox (Richardson, *Microservices Patterns*, ch. 3).
"""

from app.jobs.broker import worker_is_alive
from app.jobs.enqueuing import enqueue, enqueue_at, enqueue_once, retry
from app.jobs.registry import definitions, job
from app.jobs.runner import LeaseLost, PermanentError, current_job_id, finish, perform, report_progress

__all__ = [
    "LeaseLost",
    "PermanentError",
    "current_job_id",
    "definitions",
    "enqueue",
    "enqueue_at",
    "enqueue_once",
    "finish",
    "job",
    "perform",
    "report_progress",
    "retry",
    "worker_is_alive",
]
