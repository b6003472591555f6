"""A process that tells one person many things: `python -m tests.support.writing_process USER_ID NAME COUNT`.

Between the stamp of a notification and its commit up to 20 milliseconds pass: the clock lock is held, and a poll in
between must not step over it.
"""

from __future__ import annotations

import random
import sys
import time

from sqlalchemy.exc import OperationalError

from app import create_app
from app.extensions import db
from app.notifications import publish_state


def main(user_id: int, name: str, count: int) -> None:
    """Tell `count` things, each under a subject of its own."""

    def late(number: int) -> int:
        # Called under the lock, after the stamp. Mostly quick, sometimes slow: 20 ms each would last too long.
        time.sleep(random.uniform(0, 0.02) if random.random() < 0.2 else 0)
        return number

    def is_told(number: int) -> bool:
        publish_state(user_id, "race", lambda: late(number), subject=f"{name}:{number}")
        try:
            db.session.commit()
        except OperationalError:  # SQLite's one lock may stay with others for longer than anybody waits
            db.session.rollback()
            return False
        return True

    with create_app().app_context():
        for number in range(count):
            while not is_told(number):
                pass  # a person tries again


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
