"""The queue for SQLite's write lock: writers get the lock in the order in which they arrive.

SQLite itself has no queue. A writer that finds the database locked sleeps, each time for longer, and tries again. While
it sleeps, other writers take the lock. Therefore, every thread on this host waits for its turn in this queue before it
begins a write transaction (`BEGIN IMMEDIATE`). docs/decisions/0020-queue-of-sqlite-writers.md explains why.

The queue only decides the order. SQLite's lock protects the data.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_log = logging.getLogger(__name__)
POLL = 0.0005  # seconds between two attempts to get the turn while another process has it
OVERTAKE = 0.1  # seconds between two attempts to write without the turn
SUFFIX = "-queue"  # of the lock file's name. It is next to the -wal and -shm files


class WriteQueue:
    """The queue for one database file. Use `queue_of` to get it.

    Processes are ordered by locks on an empty file. A waiting writer locks one byte: the position of the byte is the
    time of the writer's arrival, in nanoseconds of the host's monotonic clock. The writer has its turn when it can lock
    all bytes up to its own, because then no earlier writer is left. If a process dies, the kernel removes its locks.

    The kernel assigns these locks to processes, not to threads. Therefore, only one thread of a process uses the file
    at a time. The other threads wait in `_waiting`.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._file = -1
        self._is_reported = False
        self.reset()

    def reset(self) -> None:
        """Reset the queue to its first state.

        This is needed after a fork, because the new process has no locks and only one thread.
        """
        if self._file >= 0:
            os.close(self._file)
        self._file = -1
        # Reentrant, because the garbage collector may close a connection, and so call `release`, at any moment.
        self._mutex = threading.RLock()
        self._waiting: deque[threading.Lock] = deque()  # a locked lock for each thread; unlocking it wakes the thread
        self._current: threading.Lock | None = None  # the lock of the thread that uses the file

    def acquire(self, seconds: float, overtake: Callable[[], bool] = lambda: False) -> bool:
        """Wait for this thread's turn. Return False if the turn didn't come within `seconds`.

        During a long wait, `overtake` is called repeatedly, and tries to begin writing without the turn. If it returns
        True, this method returns True, too. Without `overtake`, a paused process that is first in the queue would block
        all other writers.
        """
        arrival, deadline = time.monotonic_ns(), time.monotonic() + seconds
        turn = threading.Lock()
        turn.acquire()
        try:
            if self._wait_for_threads(turn, seconds) and self._wait_for_processes(arrival, deadline, overtake):
                return True
        except OSError as error:  # the file can't be created or locked: do without it
            if not self._is_reported:
                self._is_reported = True
                _log.warning("writers of this process don't queue with those of other processes: %s", error)
            return True
        except BaseException:  # for example, the time limit of a job
            self._leave(turn)
            raise
        self._leave(turn)
        return False

    def release(self) -> None:
        """End this thread's turn. The next thread of this process, or another process, gets the turn."""
        if self._file >= 0:
            with suppress(OSError):
                fcntl.lockf(self._file, fcntl.LOCK_UN)
        with self._mutex:
            self._wake_next()

    def _wait_for_threads(self, turn: threading.Lock, seconds: float) -> bool:
        """Wait until no other thread of this process uses the lock file. Return False after `seconds`.

        The threads of the process use the file in the order of their calls.
        """
        with self._mutex:
            self._waiting.append(turn)
            if self._current is None:
                self._wake_next()
        return turn.acquire(timeout=max(0, seconds)) or self._current is turn

    def _wake_next(self) -> None:
        self._current = self._waiting.popleft() if self._waiting else None
        if self._current is not None:
            self._current.release()

    def _leave(self, turn: threading.Lock) -> None:
        """Remove a thread from the queue, because it no longer waits. If its turn has already come, end the turn."""
        with self._mutex, suppress(ValueError):
            self._waiting.remove(turn)
        if self._current is turn:
            self.release()

    def _wait_for_processes(self, arrival: int, deadline: float, overtake: Callable[[], bool]) -> bool:
        if self._file < 0:
            self._file = self._open()
        is_queued, next_attempt = False, time.monotonic() + OVERTAKE
        while not self._lock(0, arrival + 1):
            moment = time.monotonic()
            if moment >= deadline:
                return False
            if moment >= next_attempt:
                if overtake():
                    return True
                next_attempt = moment + OVERTAKE
            is_queued = is_queued or self._lock(arrival, 1)
            time.sleep(POLL)
        return True

    def _open(self) -> int:
        """Open the lock file. If it is missing, create it with the mode and the owner of the database file.

        SQLite does the same with its own files. Without this, a command that root runs would create a file that the
        site's user can't open.
        """
        path = self._database + SUFFIX
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        database = Path(self._database).stat()
        if os.geteuid() == 0:
            os.fchown(file, database.st_uid, database.st_gid)
        os.fchmod(file, database.st_mode & 0o777)
        return file

    def _lock(self, first: int, length: int) -> bool:
        """Lock `length` bytes of the lock file. Return False if another process has locked one of these bytes."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, first)
        except (BlockingIOError, PermissionError):
            return False
        return True


class QueuedConnection(sqlite3.Connection):
    """An SQLite connection whose write transactions wait in a queue. `queue` is None for a database in memory."""

    queue: WriteQueue | None = None
    _timeout = 5.0
    _has_turn = False

    def __init__(self, database: Any, timeout: float = 5.0, *args: Any, **options: Any) -> None:
        super().__init__(database, timeout, *args, **options)
        self._timeout = timeout
        path = file_of(database)
        self.queue = queue_of(path) if path else None

    def begin_immediate(self, *, wait: bool = True) -> None:
        """Begin a write transaction, after waiting for the turn in the queue and for SQLite's write lock.

        Raise OperationalError if this takes longer than the timeout of the connection. If `wait` is false, there is no
        waiting: raise OperationalError at once if the lock isn't free.
        """
        seconds, started = self._timeout if wait else 0, time.monotonic()
        if self.queue is not None:
            if not self.queue.acquire(seconds, self._try_begin):
                raise sqlite3.OperationalError("database is locked")
            self._has_turn = True
        try:
            if not self.in_transaction:
                self._begin(seconds - (time.monotonic() - started))
        except BaseException:
            self._end_turn()
            raise

    def commit(self) -> None:
        """Commit the transaction, and end the turn in the queue."""
        try:
            super().commit()
        finally:
            self._end_turn()

    def rollback(self) -> None:
        """Roll back the transaction, and end the turn in the queue."""
        try:
            super().rollback()
        finally:
            self._end_turn()

    def close(self) -> None:
        """Close the connection, which rolls back an open transaction, and end the turn in the queue."""
        try:
            super().close()
        finally:
            self._release()

    def __del__(self) -> None:
        """Close the connection if nobody has closed it, and end its turn in the queue."""
        getattr(super(), "__del__", lambda: None)()  # Python 3.12 and later close the connection there
        self._release()

    def _try_begin(self) -> bool:
        try:
            self._begin(0)
        except sqlite3.OperationalError:
            return False
        return True

    def _begin(self, seconds: float) -> None:
        is_shorter = seconds < self._timeout - OVERTAKE
        if is_shorter:
            self.execute(f"PRAGMA busy_timeout = {max(0, int(seconds * 1000))}")
        try:
            self.execute("BEGIN IMMEDIATE")
        finally:
            if is_shorter:
                self.execute(f"PRAGMA busy_timeout = {int(self._timeout * 1000)}")

    def _end_turn(self) -> None:
        """End the turn in the queue, unless the transaction is still open, for example because a commit failed."""
        if self._has_turn and not self.in_transaction:
            self._release()

    def _release(self) -> None:
        if self._has_turn and self.queue is not None:
            self._has_turn = False
            self.queue.release()


def file_of(database: Any) -> str:
    """Return the path of the file that `sqlite3.connect(database)` opens; "" for a database in memory."""
    name = os.fspath(database)
    path = unquote(urlsplit(name).path) if name.startswith("file:") else str(name)
    return "" if path.startswith(":memory:") or "mode=memory" in name else path


_queues: dict[str, WriteQueue] = {}
_creating = threading.Lock()


def queue_of(path: str) -> WriteQueue:
    """Return the queue for the database file `path`. All connections of this process to this file share the queue."""
    path = os.path.realpath(path)
    with _creating:
        return _queues.setdefault(path, WriteQueue(path))


def _reset_after_fork() -> None:
    global _creating
    _creating = threading.Lock()
    for queue in _queues.values():
        queue.reset()


os.register_at_fork(after_in_child=_reset_after_fork)
