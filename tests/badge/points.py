"""Where the real code can be stopped: at its locks, its commits, and at what it says to Redis.

`Points` listens to SQLAlchemy's events and to the site's Redis client, so the code under test is left as it is. It also
keeps the book of locks: an actor that would have to wait for one is not let go, so nothing ever really blocks.

On SQLite a transaction that writes takes the one lock of the database when it begins, and one that reads sees the
state of its beginning. On PostgreSQL the clock's row is the lock that matters, rows of a conversation are locked before
it, and each statement sees what is committed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from flask import Flask, has_request_context, request
from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from app.core.redis_client import FastConnection
from app.extensions import db
from app.notifications import poll_cache
from app.polling.load import Load
from tests.badge.actors import Actor, Operation, current

ROWS = "rows"  # what is committed
HASHES = poll_cache.key(0).removesuffix("0")
LATE = redis.TimeoutError("no answer in time")
_NEWS = re.compile(r"SELECT notification\.")
_CLOCK = re.compile(r"INSERT INTO notification_clock\b")
_READ_CLOCK = re.compile(r"SELECT notification_clock\.last\b")
_PAIR = re.compile(
    r"SELECT conversation\..*WHERE conversation\.pair_key = .*FOR UPDATE|INSERT INTO conversation ", re.DOTALL
)
_MEMBERS = re.compile(
    r"UPDATE conversation_member\b|SELECT conversation_member\..*\.conversation_id = .*FOR UPDATE", re.DOTALL
)


class Points:
    """The places where actors stop. `of_people`: whose clocks and hashes count; None for everybody's."""

    def __init__(self, app: Flask, of_people: set[int] | None = None) -> None:
        self.holders: dict[str, Actor] = {}
        self.late: list[Callable[[], Any]] = []  # commands whose sender has given up waiting
        self._redis: redis.Redis = app.extensions["redis"]
        self._line: FastConnection = app.extensions["redis_line"]
        self._load: Load = app.extensions["web_load"]
        self._people = of_people
        self.fault: redis.RedisError | None = None  # what Redis' client raises just now
        self.statements = 0  # asked of the database by nobody's actor

    def clear(self) -> None:
        """Nobody holds anything, nothing is on its way."""
        self.holders.clear()
        self.late.clear()
        self.fault = None

    @contextmanager
    def watched(self) -> Iterator[Points]:
        """Stop actors in the block. Around everything: listeners cannot change while an actor is inside one."""
        listeners = {
            "before_cursor_execute": self._statement,
            "commit": self._ended,
            "rollback": self._ended,
        }
        for name, listener in listeners.items():
            event.listen(Engine, name, listener)
        event.listen(db.session, "before_commit", self._before_commit)
        self._redis.execute_command = self._command  # type: ignore[method-assign]
        self._line.ask = self._question  # type: ignore[method-assign]
        self._load.sheds = lambda: False  # type: ignore[method-assign]  # an actor that waits for us keeps nobody busy
        try:
            yield self
        finally:
            del self._redis.execute_command, self._line.ask, self._load.sheds
            event.remove(db.session, "before_commit", self._before_commit)
            for name, listener in listeners.items():
                event.remove(Engine, name, listener)

    def may_go(self, actor: Actor) -> bool:
        """Whether what it announced would not have to wait."""
        wanted = actor.pending
        assert wanted is not None
        return not wanted.locks or wanted.tries or self.holders.get(wanted.locks, actor) is actor

    def _ours(self, user_id: int) -> bool:
        return self._people is None or user_id in self._people

    def locks_of(self, actor: Actor) -> frozenset[str]:
        return frozenset(lock for lock, holder in self.holders.items() if holder is actor)

    def _let_go(self, actor: Actor) -> None:
        for lock in self.locks_of(actor):
            del self.holders[lock]

    def _take(self, actor: Actor, name: str, lock: str, *, tries: bool = False) -> None:
        if self.holders.get(lock) is actor:
            return
        actor.announce(Operation(name, frozenset({ROWS}), frozenset({lock}), locks=lock, tries=tries))
        self.holders.setdefault(lock, actor)

    def _statement(
        self, connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        actor = current()
        if actor is None:
            self.statements += not statement.startswith(("BEGIN", "PRAGMA"))
        elif connection.dialect.name == "sqlite":
            if statement == "BEGIN IMMEDIATE":
                impatient = bool(connection.get_execution_options().get("nowait"))
                name = "try the lock and read the clock" if impatient else "lock, and do what is to be done"
                self._take(actor, name, "database", tries=impatient)
            elif statement == "BEGIN" and (not has_request_context() or request.path == "/notifications"):
                # What other requests read before they take the lock, they read again under it.
                actor.announce(Operation("read the news", frozenset({ROWS})))
        elif _NEWS.match(statement):
            actor.announce(Operation("read the news", frozenset({ROWS})))
        elif isinstance(parameters, dict):
            self._rows(actor, statement, parameters)

    def _rows(self, actor: Actor, statement: str, parameters: dict[str, Any]) -> None:
        """PostgreSQL's row locks."""
        if _CLOCK.match(statement):
            for user_id in filter(self._ours, _clocks(parameters)):
                self._take(actor, "lock the clock and tell", f"clock:{user_id}")
        elif _READ_CLOCK.match(statement) and self._ours(_clocks(parameters)[0]):
            if "SKIP LOCKED" in statement:
                self._take(actor, "try the lock and read the clock", f"clock:{_clocks(parameters)[0]}", tries=True)
            else:
                actor.announce(Operation("read the clock without a lock", frozenset({ROWS})))
        elif self._people is None and _PAIR.search(statement):
            self._take(actor, "lock the conversation", f"pair:{parameters.get('pair_key_1') or parameters['pair_key']}")
        elif self._people is None and _MEMBERS.match(statement):
            self._take(actor, "lock the members", f"members:{_conversation(parameters)}")

    def _before_commit(self, session: Session) -> None:
        # Registered after the site's own listener, which tells and removes. (The engine's event comes too late: what is
        # raised there costs SQLAlchemy the connection, with the lock it holds.)
        actor = current()
        if actor is not None and not session.in_nested_transaction() and (locks := self.locks_of(actor)):
            actor.announce(Operation("commit", writes=locks | {ROWS}))

    def _ended(self, _connection: Connection) -> None:
        actor = current()
        if actor is not None:
            self._let_go(actor)

    def _question(self, *command: str) -> Any:
        """What the idle poll asks, on a line of its own."""
        actor = current()
        if actor is not None and self._ours(_person(command[1])):
            actor.announce(Operation("look at the hash", reads=frozenset({command[1]})))
        if self.fault is not None:
            raise self.fault
        return type(self._line).ask(self._line, *command)

    def _command(self, *arguments: Any, **options: Any) -> Any:
        def send() -> Any:
            return type(self._redis).execute_command(self._redis, *arguments, **options)

        actor, (name, keys) = current(), _spoken(arguments)
        ours = {key for key in keys if name and self._ours(_person(key))}
        if actor is None or not ours:
            return self._sent(send, lasting=bool(name))
        # After the fill the filler lets the lock go: nobody can tell whether at once or later.
        writes = ours | self.locks_of(actor) if name == "fill the hash" else ours
        try:
            actor.announce(Operation(name, writes=frozenset(writes), lag=name != "remove the hash"))
        except redis.TimeoutError:
            self.late.append(send)
            raise
        return self._sent(send, lasting=True)

    def _sent(self, send: Callable[[], Any], *, lasting: bool) -> Any:
        if self.fault is None:
            return send()
        if lasting and isinstance(self.fault, redis.TimeoutError):
            self.late.append(send)
        raise self.fault


def _spoken(arguments: tuple[Any, ...]) -> tuple[str, list[str]]:
    """What a command does to hashes of ours, and which. One command removes those of all members."""
    command, keys = arguments[0], [str(one) for one in arguments[1:]]
    if command == "EVAL":
        return ("fill the hash" if arguments[1] == poll_cache.FILL else "take a lease"), [str(arguments[3])]
    return ("remove the hash" if command == "DEL" and keys and keys[0].startswith(HASHES) else ""), keys


def _clocks(parameters: dict[str, Any]) -> list[int]:
    """The people whose clocks one statement locks, in the order in which it does."""
    return [value for name, value in parameters.items() if name.startswith("user_id")]


def _conversation(parameters: dict[str, Any]) -> Any:
    """The conversation whose members a statement locks: each names its parameter as it is built."""
    return next(
        parameters[name] for name in ("conversation_id_1", "conversation_id", "conversation") if name in parameters
    )


def _person(key: str) -> int:
    return int(key.removeprefix(HASHES))
