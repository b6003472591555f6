"""The queue of SQLite's writers: the order, processes that die or stop, timeouts."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import deque
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import create_engine, text

from app.config import ROOT
from app.core.database import set_read_mode
from app.core.write_queue import SUFFIX, QueuedConnection, queue_of

PATIENCE = 60  # seconds


@pytest.fixture
def file(tmp_path):
    name = str(tmp_path / "counter.db")
    with closing(sqlite3.connect(name, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE counter (n INTEGER)")
        connection.execute("INSERT INTO counter VALUES (0)")
    return name


@pytest.fixture
def writer(file):
    """Start a process of tests/support/queued_writer.py. It begins to write when `begin` is called on it."""
    started = []

    def start(*, timeout: float = PATIENCE, hold: object = 0, count: int = 1, threads: int = 1) -> subprocess.Popen:
        arguments = [file, str(timeout), str(hold), str(count), str(threads)]
        process = subprocess.Popen(
            [sys.executable, ROOT / "tests" / "support" / "queued_writer.py", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def begin(*processes) -> None:
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()


def connect(file: str, timeout: float = PATIENCE) -> QueuedConnection:
    return sqlite3.connect(file, timeout, isolation_level=None, factory=QueuedConnection)


def waits_in_queue(file: str, process) -> bool:
    """Return whether a process has a lock on the queue's file."""
    inode = Path(f"{file}-queue").stat().st_ino
    locks = [line.split()[4:6] for line in Path("/proc/locks").read_text().splitlines()]
    return any(pid == str(process.pid) and place.endswith(f":{inode}") for pid, place in locks)


def until(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
def test_writers_get_the_lock_in_order_of_arrival(writer):
    """A writer is passed by a few others at most, namely by those that arrive while it enters the queue."""
    processes, threads = 4, 3
    running = [writer(hold=0.002, count=30, threads=threads) for _ in range(processes)]
    begin(*running)
    lines = [line.split() for process in running for line in process.communicate(timeout=PATIENCE)[0].splitlines()]
    writes = [(float(arrived), float(begun)) for arrived, begun in lines]
    assert len(writes) == 30 * processes * threads
    passed = sorted(sum(other > arrived and first < begun for other, first in writes) for arrived, begun in writes)
    assert passed[-1] <= 3 * processes * threads, passed[-20:]
    assert passed[len(passed) * 99 // 100] <= processes * threads, passed[-20:]


def test_lock_of_a_killed_process_is_released(file, writer):
    holder = writer(hold="forever")
    begin(holder)
    assert holder.stdout.readline()
    with closing(connect(file, timeout=0.3)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.begin_immediate()
        holder.kill()
        holder.wait()
        connection.begin_immediate(wait=False)
        connection.commit()


def test_killed_process_leaves_the_queue(file, writer):
    waiting = writer()
    with closing(connect(file)) as connection, closing(connect(file)) as other:
        connection.begin_immediate()
        begin(waiting)
        until(lambda: waits_in_queue(file, waiting))
        waiting.kill()
        waiting.wait()
        connection.commit()
        other.begin_immediate(wait=False)
        other.commit()


def test_paused_process_in_the_queue_does_not_block_other_writers(file, writer):
    waiting = writer()
    with closing(connect(file)) as connection:
        connection.begin_immediate()
        begin(waiting)
        until(lambda: waits_in_queue(file, waiting))
        waiting.send_signal(signal.SIGSTOP)
        connection.commit()
        with pytest.raises(sqlite3.OperationalError):
            connection.begin_immediate(wait=False)
        connection.begin_immediate()
        connection.commit()
        waiting.send_signal(signal.SIGCONT)
        assert waiting.wait(PATIENCE) == 0


def test_nonwaiting_transaction_does_not_overtake_the_queue(file, writer):
    """Even if the database itself is free."""
    with closing(connect(file)) as connection:
        assert queue_of(file).acquire(0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.begin_immediate(wait=False)
        queue_of(file).release()
        connection.begin_immediate(wait=False)
        connection.rollback()


@pytest.mark.parametrize("end", ["commit", "rollback", "close", "lost"])
def test_turn_in_the_queue_ends_with_the_transaction(file, end):
    connection = connect(file)
    connection.begin_immediate()
    assert not queue_of(file).acquire(0)
    if end == "lost":
        del connection
        gc.collect()
    else:
        getattr(connection, end)()
    assert queue_of(file).acquire(0)
    queue_of(file).release()
    with closing(sqlite3.connect(file, 0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")


def test_exception_while_a_thread_waits_leaves_the_queue_usable(file):
    """As the time limit of a job raises it, from a signal handler."""
    assert queue_of(file).acquire(0)
    former = signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(ZeroDivisionError):
            queue_of(file).acquire(30)
    finally:
        signal.signal(signal.SIGALRM, former)
    queue_of(file).release()
    assert queue_of(file).acquire(0)
    queue_of(file).release()


def test_connection_closed_by_the_garbage_collector_wakes_a_waiting_thread(file, monkeypatch):
    """Even if it is collected while the same thread enters the queue."""
    connection = connect(file)
    connection.begin_immediate()
    held, queue = [connection], queue_of(file)
    del connection

    class Waiting(deque):
        def append(self, turn):
            super().append(turn)
            held.clear()
            gc.collect()

    monkeypatch.setattr(queue, "_waiting", Waiting())
    assert queue.acquire(5)
    queue.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_queue_file_belongs_to_the_owner_of_the_database(file):
    os.chown(file, 12345, 12345)
    with closing(connect(file)) as connection:
        connection.begin_immediate()
        connection.rollback()
    found = Path(file + SUFFIX).stat()
    assert (found.st_uid, found.st_gid) == (12345, 12345)


def test_queued_writer_waits_for_a_writer_outside_the_queue(file):
    """Its wait counts, so that no one waits for longer than the timeout."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other, closing(connect(file, 0.5)) as connection:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.begin_immediate()
        assert time.monotonic() - started >= 0.4
        assert queue_of(file).acquire(0), "who gave up has the turn"
        queue_of(file).release()
        other.execute("COMMIT")
        connection.begin_immediate()
        connection.commit()
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (500,)


def test_one_timeout_covers_waiting_for_the_turn_and_the_lock(file):
    turn_lasts, timeout = 3.0, 4.0
    with closing(sqlite3.connect(file, isolation_level=None)) as other, closing(connect(file, timeout)) as connection:
        other.execute("BEGIN IMMEDIATE")
        assert queue_of(file).acquire(0)
        Timer(turn_lasts, queue_of(file).release).start()
        started = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.begin_immediate()
        assert time.monotonic() - started < turn_lasts + timeout - 0.3


def test_writing_works_without_a_queue_in_a_read_only_folder(file, monkeypatch):
    monkeypatch.setattr(queue_of(file), "_database", "/nonexistent/file")
    with closing(connect(file)) as connection:
        connection.begin_immediate()
        connection.commit()


def test_forked_process_waits_for_its_own_turn(file):
    """It doesn't have the turn of its parent, and gets it when the parent has ended its transaction."""
    reader, writer = os.pipe()
    with closing(connect(file)) as connection:
        connection.begin_immediate()
        child = os.fork()
        if child == 0:
            had_turn = queue_of(file).acquire(0)
            os.read(reader, 1)
            os._exit(0 if not had_turn and queue_of(file).acquire(PATIENCE) else 7)
        time.sleep(0.1)
        connection.commit()
        os.write(writer, b"x")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(reader)
    os.close(writer)


def test_sqlalchemy_write_transactions_use_the_queue(file):
    engine = create_engine(f"sqlite:///{file}")
    set_read_mode(False)
    with engine.connect() as connection:
        connection.execute(text("UPDATE counter SET n = 1"))
        assert not queue_of(file).acquire(0)
        connection.commit()
        assert queue_of(file).acquire(0)
        queue_of(file).release()
    set_read_mode(True)
    with engine.connect() as connection:
        connection.execute(text("SELECT n FROM counter"))
        assert queue_of(file).acquire(0), "a reader queues"
        queue_of(file).release()
    set_read_mode(False)
    engine.dispose()
