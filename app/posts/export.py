"""The file of all that a person posted: written bit by bit, so that its size does not matter."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import BinaryIO

from app.clock import now
from app.database import end_reading
from app.models import User
from app.posts import queries

BATCH = 1_000  # posts in memory at a time
REPORT_EVERY = 0.5  # seconds


class Progress:
    """Tells how far a run is: only what is news, upwards, and not more often than a page can show."""

    def __init__(self, total: int, report: Callable[[int], None]) -> None:
        self._total = total
        self._report = report
        self._told = 0
        self._told_at = time.monotonic()

    def reached(self, done: int) -> None:
        """`done` of the total are finished. 100 is not said here: the end of the job says it."""
        percent = min(99, done * 100 // max(1, self._total))
        moment = time.monotonic()
        if percent > self._told and moment - self._told_at >= REPORT_EVERY:
            self._report(percent)
            self._told, self._told_at = percent, moment


def write(owner: User, stream: BinaryIO, report: Callable[[int], None]) -> int:
    """Write the posts `owner` has now to `stream` as one JSON object, oldest first; returns how many there were.

    No transaction outlives a batch: the database may vacuum, and writers go on, during a long export.
    """
    total, newest = queries.to_export(owner.id)
    progress, done = Progress(total, report), 0
    head = {"username": owner.username, "exported_at": now().isoformat()}
    stream.write(_json(head)[:-1] + b', "posts": [')
    for batch in queries.in_batches(owner.id, newest, BATCH):
        end_reading()
        for identity, body, language, created_at in batch:
            post = {"id": identity, "body": body, "language": language, "created_at": created_at.isoformat()}
            stream.write((b",\n" if done else b"\n") + _json(post))
            done += 1
        progress.reached(done)
    stream.write(b"\n]}\n")
    return done


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
