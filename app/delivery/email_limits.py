"""Rules for when an email about pending items may be sent, and the record of sent emails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from flask import current_app
from sqlalchemy import Insert, Select, bindparam, func, select

from app.core.database import built_once, insert_into
from app.core.time import now
from app.extensions import db
from app.models import MailTally, User
from app.notifications import quiet_hours, scheduling
from app.notifications.scheduling import ESSENTIAL, PendingBatch


def held_until(user: User, cadence: str) -> datetime | None:
    """Return when the next email may be sent to a user; None if it may be sent now.

    Email is delayed during quiet hours and pauses, and after a daily cap is reached. Essential email is never delayed.
    """
    if cadence == ESSENTIAL:
        return None
    moment = now()
    times = scheduling.hours_of(user.id)
    if not _is_capped(user.id, moment):
        due = quiet_hours.next_allowed(times, moment)
    elif cadence == "now":
        due = quiet_hours.next_allowed(times, _next_day(moment))
    else:
        due = quiet_hours.next_digest(times, "daily", _next_day(moment))  # the digest time, not midnight UTC
    return due if due > moment else None


def note_sent(user_id: int, cadence: str, waiting: Sequence[PendingBatch]) -> None:
    """Mark the items in `waiting` as emailed, and count the email for the daily caps. The caller must commit."""
    for one in waiting:
        one.mark()
    if cadence == ESSENTIAL:
        return
    db.session.execute(_count_email(), {"today": now().date(), "recipient": user_id})


@built_once
def _count_email() -> Insert:
    stmt = insert_into(MailTally).values(day=bindparam("today"), user_id=bindparam("recipient"), sent=1)
    upsert: Insert = stmt.on_conflict_do_update(
        index_elements=[MailTally.day, MailTally.user_id], set_={"sent": MailTally.sent + 1}
    )
    return upsert


def _next_day(moment: datetime) -> datetime:
    return datetime.combine(moment.date() + timedelta(days=1), time(), UTC)


def _is_capped(user_id: int, moment: datetime) -> bool:
    """Return whether the user's or the site's daily cap is reached. Days are in UTC.

    If several emails are sent at the same time, a cap may be exceeded slightly.
    """
    own, everybody = current_app.config["MAIL_DAILY_CAP"], current_app.config["MAIL_DAILY_CAP_SITE"]
    today = {"today": moment.date()}
    if own and db.session.scalars(_sent_to(), today | {"recipient": user_id}).one() >= own:
        return True
    return bool(everybody) and db.session.scalars(_sent(), today).one() >= everybody


@built_once
def _sent() -> Select[int]:
    return select(func.coalesce(func.sum(MailTally.sent), 0)).where(MailTally.day == bindparam("today"))


@built_once
def _sent_to() -> Select[int]:
    return _sent().where(MailTally.user_id == bindparam("recipient"))
