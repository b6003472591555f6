"""A process that tells one person many things: `python -m tests.support.writer USER_ID NAME COUNT`.

Between the stamp of a notification and its commit up to 20 milliseconds pass: the clock lock is held, and a poll in
between must not step over it.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from app import create_app
from app.extensions import db
from app.notify import notify


def insist(tell: Callable[[], None]) -> None:
    """Until it is told: SQLite's one lock may stay with others for longer than anybody waits. A person tries again."""
    while True:
        try:
            return tell()
        except OperationalError:
            db.session.rollback()


def main(user_id: int, name: str, count: int) -> None:
    """Tell `count` things, each under a subject of its own."""

    def late(number: int) -> int:
        # Called under the lock, after the stamp. Mostly quick, sometimes slow: 20 ms each would last too long.
        time.sleep(random.uniform(0, 0.02) if random.random() < 0.2 else 0)
        return number

    def tell(number: int) -> None:
        notify(user_id, "race", lambda: late(number), subject=f"{name}:{number}")
        db.session.commit()

    with create_app().app_context():
        for number in range(count):
            insist(lambda number=number: tell(number))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
