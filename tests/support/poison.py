"""A job that ends the process it runs in, and a worker that knows it. The app itself declares no such job.

    stack.restart("worker-1", module="tests.support.poison")                a real worker
    stack.run("tests.support.poison", "order", "ana", str(antidote))        ana orders one

It is poison for as long as the file `antidote` does not exist.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app import create_app
from app.extensions import db
from app.jobs import enqueue, job
from app.jobs.worker import run
from app.queries import people


@job("tests.poison")
def poison(antidote: str) -> None:
    """End the process without a word, unless there is an antidote."""
    if not Path(antidote).exists():
        os._exit(1)


def order(username: str, antidote: str) -> None:
    """Order one for somebody."""
    with create_app().app_context():
        enqueue("tests.poison", owner=people.by_username(username), antidote=antidote)
        db.session.commit()


if __name__ == "__main__":
    if sys.argv[1:2] == ["order"]:
        order(*sys.argv[2:])
    else:
        sys.exit(run(create_app(), []))
