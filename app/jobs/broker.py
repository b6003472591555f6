"""Functions that push job ids to RQ, and that ask Redis about queues and workers."""

from __future__ import annotations

from contextlib import suppress

import redis
from flask import current_app
from rq import Queue
from rq.serializers import JSONSerializer

from app.core import redis_client
from app.core.redis_client import RedisUnavailable

WORKER_KEY = "microblog:worker-alive"
WORKER_TTL = 20  # seconds after its last heartbeat for which a worker counts as alive


def push(identity: str, queue: str, timeout: int) -> bool:
    """Push a job to RQ. `identity` is the id of the job's row. Return False if Redis is unavailable.

    If the connection breaks, this returns False although RQ may have received the job. The scheduler then pushes the
    job again. A job that is pushed twice runs only once, because a worker must get the lease on the row before it runs
    the job.
    """

    def command(client: redis.Redis) -> None:
        Queue(queue, connection=client, serializer=JSONSerializer).enqueue_call(
            "app.jobs.perform",
            args=(identity,),
            job_id=identity,
            timeout=timeout,
            result_ttl=30,  # seconds; with 0, a second push of the same id could race with RQ's deletion of the hash
            failure_ttl=3600,
        )

    try:
        redis_client.execute(command)
    except RedisUnavailable as error:
        current_app.logger.warning("job %s waits for the scheduler: %s", identity, error)
        return False
    return True


def waiting(queue: str) -> int:
    """Return the number of jobs that wait in the RQ queue `queue`. Raises RedisUnavailable."""
    return redis_client.execute(lambda client: int(client.llen(f"rq:queue:{queue}")))


def held(queue: str) -> set[str]:
    """Return the ids of the jobs that wait in the RQ queue `queue`. Raises RedisUnavailable."""
    found = redis_client.execute(lambda client: client.lrange(f"rq:queue:{queue}", 0, -1))
    return {bytes(identity).decode() for identity in found}  # type: ignore[arg-type]  # bytes: the client does not decode


def say_worker_is_alive() -> None:
    """Record a heartbeat of the worker. If Redis is unavailable, do nothing.

    The worker calls this every second.
    """
    with suppress(RedisUnavailable):
        redis_client.execute(lambda client: client.set(WORKER_KEY, 1, ex=WORKER_TTL))


def worker_is_alive() -> bool | None:
    """Return whether a worker recorded a heartbeat in the last WORKER_TTL seconds; None if Redis is unavailable."""
    try:
        return bool(redis_client.execute(lambda client: client.exists(WORKER_KEY)))
    except RedisUnavailable:
        return None
