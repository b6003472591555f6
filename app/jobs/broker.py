"""The broker: pushes job ids to RQ, and asks Redis about queues and workers."""

from __future__ import annotations

from contextlib import suppress

import redis
from flask import current_app
from rq import Queue
from rq.serializers import JSONSerializer

from app.core import redis_client
from app.core.redis_client import RedisUnavailable

WORKER_KEY = "microblog:worker-alive"
WORKER_TTL = 20  # seconds without a sign of life after which a worker counts as dead


def push(identity: str, queue: str, timeout: int) -> bool:
    """Push the job to RQ under the row's id. Return False if Redis is unavailable.

    A push that failed may still have arrived, and a repeated push runs the job twice. The lease on the row makes both
    harmless.
    """

    def command(client: redis.Redis) -> None:
        Queue(queue, connection=client, serializer=JSONSerializer).enqueue_call(
            "app.jobs.perform",
            args=(identity,),
            job_id=identity,
            timeout=timeout,
            result_ttl=30,  # kept briefly, so that a second push of the id doesn't find its hash half deleted
            failure_ttl=3600,
        )

    try:
        redis_client.execute(command)
    except RedisUnavailable as error:
        current_app.logger.warning("job %s waits for the scheduler: %s", identity, error)
        return False
    return True


def waiting(queue: str) -> int:
    """Return the number of ids that RQ holds in `queue`. Raises RedisUnavailable."""
    return redis_client.execute(lambda client: int(client.llen(f"rq:queue:{queue}")))


def held(queue: str) -> set[str]:
    """Return the ids that RQ holds in `queue`. Raises RedisUnavailable."""
    found = redis_client.execute(lambda client: client.lrange(f"rq:queue:{queue}", 0, -1))
    return {bytes(identity).decode() for identity in found}  # type: ignore[arg-type]  # bytes: the client does not decode


def say_worker_is_alive() -> None:
    """Record that the worker is alive. The worker calls it every second. Ignores Redis outages."""
    with suppress(RedisUnavailable):
        redis_client.execute(lambda client: client.set(WORKER_KEY, 1, ex=WORKER_TTL))


def worker_is_alive() -> bool | None:
    """Return whether a worker has recently recorded that it is alive; None if Redis is unavailable."""
    try:
        return bool(redis_client.execute(lambda client: client.exists(WORKER_KEY)))
    except RedisUnavailable:
        return None
