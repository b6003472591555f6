"""Fail a test in which a request or a job does slow work under SQLite's write lock.

Every other writer waits for this lock. So no page or email is rendered under it, and Redis is not asked for anything.
The only exception is the cached answer to a poll, which must be changed under the lock
(docs/decisions/0003-poll-cache.md).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from flask import Flask, before_render_template
from sqlalchemy import Engine, event

from app.notifications import poll_cache
from tests.support.client import DOOR

_here = threading.local()
_HASHES = poll_cache.key(0).removesuffix("0")


class HeldTooLong(AssertionError):
    """Raised for slow work under the write lock."""


def holds_lock() -> bool:
    """Return whether the request or job that runs in this thread holds the write lock."""
    return DOOR.get() and bool(getattr(_here, "connections", None))


@contextmanager
def watched() -> Iterator[None]:
    """Raise HeldTooLong in a thread that renders a template or uses Redis under the lock."""
    listeners = {"after_cursor_execute": _begun, "commit": _ended, "rollback": _ended}
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    real = redis.Redis.execute_command

    def asked(client: redis.Redis, *arguments: Any, **options: Any) -> Any:
        if holds_lock() and not any(str(argument).startswith(_HASHES) for argument in arguments):
            raise HeldTooLong(f"Redis was asked for {arguments[0]} under the write lock")
        return real(client, *arguments, **options)

    redis.Redis.execute_command = asked  # type: ignore[method-assign]
    try:
        with before_render_template.connected_to(_rendered):
            yield
    finally:
        redis.Redis.execute_command = real  # type: ignore[method-assign]
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)


def _rendered(_app: Flask, template: Any, context: dict[str, Any]) -> None:
    if holds_lock():
        raise HeldTooLong(f"{template.name} was rendered under the write lock")


def _begun(connection: Any, _cursor: Any, statement: str, _params: Any, _context: Any, _many: bool) -> None:
    if statement == "BEGIN IMMEDIATE":
        held = _here.connections = getattr(_here, "connections", set())
        held.add(id(connection))  # the driver's connection may be lost before the rollback


def _ended(connection: Any) -> None:
    getattr(_here, "connections", set()).discard(id(connection))
