"""Mail and push for what happened: ordered as jobs, under the person's clock, for the time their grid says.

One job waits for each person and cadence, and gathers when it runs: what was read meanwhile is left out, what came
meanwhile is taken along. It asks the grid, the hours and the cap once more, so a change of settings holds for what
waits, too. All of it is rows: a restart forgets nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select

from app.clock import now
from app.extensions import db
from app.jobs import enqueue
from app.models import PushSubscription, User
from app.notify import hours, preferences
from app.notify.clock import Phase, under_clock
from app.notify.hours import Hours
from app.notify.kinds import KINDS

ESSENTIAL = "essential"  # the cadence of mail that waits for nothing


def order(user_id: int, kind: str) -> None:
    """Order mail and push about an event of this kind, when the current transaction commits."""
    under_clock(user_id, ("delivery", kind), lambda _timestamp: order_under_clock(user_id, kind), Phase.ORDERS)


def order_under_clock(user_id: int, kind: str) -> None:
    """The same, from what runs under the person's clock already."""
    preference = preferences.grid(user_id)[kind]
    user = db.session.get_one(User, user_id)
    times = preferences.hours(user, preferences.profile(user_id))
    if preference.mail != "none":
        order_mail(user_id, cadence_of(kind, preference.mail), times)
    if preference.push:
        order_pushes(user_id, times)


def cadence_of(kind: str, mail: str) -> str:
    """In which mail a kind is told: "now", "daily", "weekly", or ESSENTIAL for what a person wants at once."""
    return ESSENTIAL if mail == "now" and KINDS[kind].essential else mail


def order_mail(user_id: int, cadence: str, times: Hours) -> None:
    """Order the person's next mail of that cadence, unless one waits."""
    moment = now()
    delay = (mail_due(cadence, times, moment) - moment).total_seconds()
    enqueue("notifications.mail", delay=delay, unique_key=f"mail:{user_id}:{cadence}", user_id=user_id, cadence=cadence)


def mail_due(cadence: str, times: Hours, moment: datetime) -> datetime:
    """When a mail of that cadence goes about what happened at `moment`."""
    if cadence == ESSENTIAL:
        return moment
    if cadence == "now":
        wait = timedelta(seconds=current_app.config["MESSAGE_MAIL_DELAY"])
        return hours.may_tell_at(times, moment + wait)
    return hours.next_digest(times, cadence, moment)


def order_pushes(user_id: int, times: Hours) -> None:
    """Order a push to each browser that asked for it, after a page that is open had time to hear of the event."""
    subscriptions = db.session.scalars(select(PushSubscription.id).where(PushSubscription.user_id == user_id)).all()
    moment = now()
    heard = moment + timedelta(seconds=current_app.config["POLL_INTERVAL"] + 2)
    delay = (hours.may_tell_at(times, heard) - moment).total_seconds()
    for identity in subscriptions:
        enqueue("notifications.push", delay=delay, unique_key=f"push:{identity}", subscription_id=identity)
