"""The site as a system to explore: two writers, one reader, one poller, on the real database and the real Valkey."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from flask import Flask

from app.core.redis_client import Breaker
from app.extensions import db
from app.models import Conversation, ConversationMember, Job, Message, Notification, NotificationClock, User
from app.notifications import poll_cache
from tests.badge.actors import Actor, Operation
from tests.badge.explorer import Move
from tests.badge.points import LATE, Points
from tests.badge.truth import badge_of, clock_of
from tests.support.client import Browser

# What a schedule changes, in the order in which it can be inserted.
TABLES = [
    model.__table__ for model in (Conversation, ConversationMember, Message, Notification, NotificationClock, Job)
]


@dataclass(frozen=True)
class Faults:
    """What may go wrong in a world, at most one in each schedule."""

    deaths: bool = False  # at every point of every actor
    lags: bool = False  # a poll gives up waiting for Redis, which gets the command later


class Site:
    """The world at the start: the reader has unread messages, the poller has heard all, its answer is in Redis."""

    def __init__(
        self,
        app: Flask,
        points: Points,
        server: redis.Redis,
        reader: User,
        poller: Browser,
        others: Mapping[str, Callable[[], Any]],
        *,
        faults: Faults = Faults(),
        alike: tuple[str, str] | None = None,
    ) -> None:
        self._app, self._points, self._server = app, points, server
        self._reader_id, self._poller = reader.id, poller
        self._work = {**others, "poller": self._poll}
        self._faults, self._alike = faults, alike
        self._key = poll_cache.key(self._reader_id)
        self._heard: dict[str, Any] = {}
        self._since = 0.0
        self._firsts: dict[str, Operation | None] = {}
        self._listen(self._ask())
        self._kept = self._rows()
        self._first = (self._since, dict(self._heard))
        self._hash = self._server.hgetall(self._key)
        assert b"last" in self._hash

    def _ask(self) -> list[dict[str, Any]]:
        answer = self._poller.get(f"/notifications?since={self._since!r}")
        assert answer.status_code == 200
        told: list[dict[str, Any]] = answer.get_json()
        return told

    def _poll(self) -> None:
        self._listen(self._ask())

    def _listen(self, told: list[dict[str, Any]]) -> None:
        for one in told:
            assert one["timestamp"] > self._since, "told twice"
        for one in told:
            self._since = max(self._since, one["timestamp"])
            self._heard[one["name"]] = one["data"]

    def _rows(self) -> list[list[dict[str, Any]]]:
        with db.engine.connect() as connection:
            return [[dict(row._mapping) for row in connection.execute(table.select())] for table in TABLES]

    def start(self) -> None:
        """Rows, hash and poller as they were."""
        with db.engine.begin() as connection:
            for table in reversed(TABLES):
                connection.execute(table.delete())
            for table, rows in zip(TABLES, self._kept, strict=True):
                if rows:
                    connection.execute(table.insert(), rows)
        self._server.delete(self._key)
        self._server.hset(self._key, mapping=self._hash)  # type: ignore[arg-type]  # bytes, as Redis gave them
        self._since, self._heard = self._first[0], dict(self._first[1])
        self._points.clear()
        self._fault_left, self._moved = self._faults.deaths or self._faults.lags, set[str]()
        self._actors = {name: Actor(name, work, self._firsts.get(name)) for name, work in self._work.items()}
        self._firsts = self._firsts or {name: actor.pending for name, actor in self._actors.items()}

    def moves(self) -> list[Move]:
        """What can happen now."""
        found = []
        for name, actor in self._actors.items():
            if actor.pending is None or (self._alike and name == self._alike[1] and self._alike[0] not in self._moved):
                continue
            operation = actor.pending
            # Of two actors that are alike the first one moves first: its first move lets the other one go.
            order = {"order"} if self._alike and name in self._alike and name not in self._moved else set()
            if self._points.may_go(actor):
                found.append(Move(name, operation.name, "go", operation.reads, operation.writes | order))
            if self._fault_left and self._faults.deaths:
                found.append(
                    Move(name, operation.name, "dies", writes=self._points.locks_of(actor) | order | {"fault"})
                )
            if self._fault_left and self._faults.lags and operation.lag:
                touched = self._points.locks_of(actor) | {"fault"}
                found.append(Move(name, operation.name, "gives up", writes=touched))
        if self._points.late:
            found.append(Move("Redis", "what was late", writes=frozenset({self._key})))
        return found

    def do(self, move: Move) -> None:
        """Let one actor go on, or go wrong."""
        self._moved.add(move.actor)
        if move.actor == "Redis":
            self._points.late.pop()()
        elif move.kind == "go":
            self._actors[move.actor].resume()
        else:
            self._fault_left = False
            actor = self._actors[move.actor]
            actor.die() if move.kind == "dies" else actor.resume(LATE)
            # The others are other processes: their circuit breakers know nothing of it.
            vars(self._app.extensions["redis_breaker"]).update(vars(Breaker()))
        if move.name in {"commit", "fill the hash", "what was late"}:
            self._check_hash()

    def _check_hash(self) -> None:
        """No state, not even between two steps, has a hash that hides what is committed."""
        run, last = self._server.hmget(self._key, "server", "last")
        if last is not None and run == self._app.extensions["redis_run"].id:  # any other hash is not believed
            assert float(last) == clock_of(self._reader_id), "the hash hides a committed notification"

    def finish(self) -> None:
        """The poller asks once more and knows the truth; then its poll is idle, and still true."""
        self._check_hash()
        for _again in range(2):
            self._listen(self._ask())
            known, truth = self._heard["unread_message_count"], badge_of(self._reader_id)
            assert known == truth, f"the poller believes {known}, the truth is {truth}"

    def abandon(self) -> None:
        """End what still waits."""
        for actor in self._actors.values():
            actor.die()
