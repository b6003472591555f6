"""A process that writes to an SQLite file: `python tests/support/queued_writer.py FILE TIMEOUT HOLD COUNT THREADS`.

It prints one line per write, `arrived begun`, in seconds of the monotonic clock. HOLD is in seconds. "forever" holds
the lock until the process is killed. Without the lock in time, it prints `arrived refused`.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path
from runpy import run_path
from threading import Thread

# Importing the app would take a second.
QueuedConnection = run_path(str(Path(__file__).parents[2] / "app" / "core" / "write_queue.py"))["QueuedConnection"]


def main(file: str, timeout: str, hold: str, count: str, threads: str) -> None:
    """Write from several threads."""

    def write() -> None:
        connection = sqlite3.connect(file, float(timeout), isolation_level=None, factory=QueuedConnection)
        for _ in range(int(count)):
            arrived = time.monotonic()
            try:
                connection.begin_immediate()
            except sqlite3.OperationalError:
                print(f"{arrived} refused", flush=True)  # noqa: T201
                continue
            print(f"{arrived} {time.monotonic()}", flush=True)  # noqa: T201
            connection.execute("UPDATE counter SET n = n + 1")
            time.sleep(3600 if hold == "forever" else float(hold))
            connection.commit()

    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    writers = [Thread(target=write) for _ in range(int(threads))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
