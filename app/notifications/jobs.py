"""Doors (queue) of notifications: the mail that gathers what waits for a person, and push."""

from __future__ import annotations

from app.database import end_reading, writing
from app.extensions import db
from app.jobs import job
from app.models import User
from app.notifications import mailing
from app.notify import delivery


@job("notifications.mail", queue="mail", timeout=90)
def mail(user_id: int, cadence: str) -> None:
    """Mail what waits for a person at this cadence, in one mail; when they are not to be told now, later.

    Run twice, the second run finds that all was told. Killed between the mail server's "OK" and our commit, it sends a
    second copy with the same Message-ID.
    """
    user = db.session.get(User, user_id)
    waiting = delivery.waiting(user_id, cadence) if user is not None and user.is_active else []
    if user is None or not waiting:
        return
    held_until = mailing.held_until(user, cadence)
    if held_until is not None:
        with writing():
            delivery.order_mail_at(user_id, cadence, held_until)
        return
    end_reading()  # nothing is held while the mail server thinks
    mailing.send(user, cadence, waiting)
    with writing():
        mailing.note_sent(user, cadence, waiting)


@job("notifications.push", timeout=60)
def push(subscription_id: int) -> None:
    """Tell one browser what is new. Run twice, it tells the same whole state."""
