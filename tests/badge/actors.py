"""Real code in threads that run one at a time: each stops where it is about to touch what others touch.

An `Actor` is a request (or anything else) in a thread of its own. The thread announces each visible operation before
it does it, and waits; whoever holds the baton, the explorer or the state machine, lets one actor go on. So between two
operations nothing runs in parallel, and a schedule can be repeated exactly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 10  # seconds; an actor that needs longer was let go although somebody held what it wanted
_here = threading.local()


class Died(BaseException):
    """The process ends here. No `except Exception` sees it; what unwinds is what the database does for a dead one."""


class Stuck(Exception):
    """The harness is wrong about an actor: it waits for a lock nobody wrote down, or does not do the same again."""


@dataclass(frozen=True)
class Operation:
    """Something visible that an actor is about to do. `locks` is taken by it, and must be free unless `tries`."""

    name: str
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    locks: str = ""
    tries: bool = field(default=False, compare=False)
    lag: bool = field(default=False, compare=False)  # its sender may give up waiting, and it arrives later


class Actor:
    """One thread. `pending` is the operation it announced; None once it has ended.

    With `first`, what it will announce first is known from another time, and the thread starts when it is let go: what
    it does before touches nothing that others touch.
    """

    def __init__(self, name: str, work: Callable[[], Any], first: Operation | None = None) -> None:
        self.name = name
        self.pending = first
        self.result: Any = None
        self.error: BaseException | None = None
        self.dead = False
        self._order: BaseException | None = None
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._first = first
        if first is None:
            self._start()

    def _start(self) -> None:
        self._thread.start()
        self._wait()

    def _run(self, work: Callable[[], Any]) -> None:
        _here.actor = self
        try:
            self.result = work()
        except Died:
            self.dead = True
        except BaseException as error:
            self.error = error
        finally:
            self.pending = None
            self._back.release()

    def resume(self, order: BaseException | None = None) -> None:
        """Let it do what it announced, up to the next announcement; or have `order` raised there instead.

        Raises what the actor's work raised.
        """
        if self._first is not None:
            foreseen, self._first = self._first, None
            self._start()
            if self.pending != foreseen:
                raise Stuck(f"{self.name} announces {self.pending}, and another time {foreseen}")
        self._order = order
        self._go.release()
        self._wait()

    def die(self) -> None:
        """Its process ends before what it announced."""
        if self._first is not None:
            self.pending, self._first, self.dead = None, None, True
        while self.pending is not None:
            self.resume(Died())

    def _wait(self) -> None:
        if not self._back.acquire(timeout=PATIENCE):
            raise Stuck(f"{self.name} does not come back from {self.pending}")
        if self.pending is None:
            self._thread.join()
            if self.error is not None:
                raise self.error

    def announce(self, operation: Operation) -> None:
        """Called in its thread: wait for the baton."""
        if isinstance(self._order, Died):
            return  # what unwinds asks nobody
        self.pending = operation
        self._back.release()
        self._go.acquire()
        if self._order is not None:
            order = self._order
            self._order = order if isinstance(order, Died) else None
            raise order


def current() -> Actor | None:
    """The actor whose thread this is."""
    return getattr(_here, "actor", None)
