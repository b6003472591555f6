"""Doors (queue) of upkeep: counting anew what was told, and forgetting what was read long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, or_, select

from app.clock import now
from app.database import writing
from app.extensions import db
from app.jobs import job
from app.models import Activity, MailTally
from app.notifications import recount

DAY = 24 * 3600  # seconds
BATCH = 1000  # rows one transaction forgets
TALLY_DAYS = 7  # the caps ask for today only


@job("notifications.recount", queue="slow", timeout=3600, every=DAY)
def recount_badges() -> dict[str, int]:
    """Put right what the badges say, should it ever be wrong. Run twice, it finds nothing the second time."""
    return recount.recount()


@job("notifications.forget_activity", every=DAY)
def forget_activity() -> None:
    """Forget events ACTIVITY_DAYS after they were read, and held ones as long after they happened; unread ones never.

    Logins stay: by them a browser is known, and to be told again of one's own would teach people to look away. Run
    twice, it finds nothing the second time.
    """
    oldest = now() - timedelta(days=current_app.config["ACTIVITY_DAYS"])
    held = (Activity.held_by != "") & (Activity.created_at < oldest)
    _forget(Activity.id, or_(Activity.read_at < oldest, held) & (Activity.kind != "login"))
    with writing():
        db.session.execute(delete(MailTally).where(MailTally.day < (now() - timedelta(days=TALLY_DAYS)).date()))


def _forget(identity: Any, which: ColumnElement[bool]) -> None:
    """Delete rows some at a time: nobody who writes meanwhile waits for long, and this waits for nobody.

    They are looked for without a lock, and looked at again under one: a row that somebody changes just now may stay.
    """
    last = 0
    while True:
        old = select(identity).where(which, identity > last).order_by(identity).limit(BATCH)
        found = db.session.scalars(old).all()
        if not found:
            return
        with writing():
            free = select(identity).where(which, identity.in_(found)).with_for_update(skip_locked=True)
            gone = delete(identity.class_).where(identity.in_(db.session.scalars(free).all()))
            db.session.execute(gone.execution_options(synchronize_session=False))
        last = found[-1]
