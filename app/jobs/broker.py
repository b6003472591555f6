"""Handing a job's id to RQ, and what else is asked of Redis about jobs."""

from __future__ import annotations

from contextlib import suppress

import redis
from flask import current_app
from rq import Queue
from rq.serializers import JSONSerializer

from app.core import redis_client
from app.core.redis_client import RedisUnavailable

WORKER_KEY = "microblog:worker-alive"
WORKER_TTL = 20  # seconds after which a silent worker counts as gone


def push(identity: str, queue: str, timeout: int) -> bool:
    """Hand the job to RQ under the row's id; False when Redis is away.

    A push that failed may still have arrived, and one that is repeated runs twice: the claim on the row makes both
    harmless.
    """

    def command(client: redis.Redis) -> None:
        Queue(queue, connection=client, serializer=JSONSerializer).enqueue_call(
            "app.jobs.perform",
            args=(identity,),
            job_id=identity,
            timeout=timeout,
            result_ttl=30,  # kept a moment: an id that is pushed twice must not find its hash deleted half-way
            failure_ttl=3600,
        )

    try:
        redis_client.execute(command)
    except RedisUnavailable as error:
        current_app.logger.warning("job %s waits for the scheduler: %s", identity, error)
        return False
    return True


def waiting(queue: str) -> int:
    """How many ids RQ holds in `queue`. Raises RedisUnavailable."""
    return redis_client.execute(lambda client: int(client.llen(f"rq:queue:{queue}")))


def held(queue: str) -> set[str]:
    """The ids RQ holds in `queue`. Raises RedisUnavailable."""
    found = redis_client.execute(lambda client: client.lrange(f"rq:queue:{queue}", 0, -1))
    return {bytes(identity).decode() for identity in found}  # type: ignore[arg-type]  # bytes, as we decode nothing


def say_worker_is_alive() -> None:
    """Called by the worker every few seconds. Redis being away is nobody's fault here."""
    with suppress(RedisUnavailable):
        redis_client.execute(lambda client: client.set(WORKER_KEY, 1, ex=WORKER_TTL))


def worker_is_alive() -> bool | None:
    """Whether some worker has spoken lately; None when Redis cannot say."""
    try:
        return bool(redis_client.execute(lambda client: client.exists(WORKER_KEY)))
    except RedisUnavailable:
        return None
