"""Jobs of delivery: email about pending items, and push."""

from __future__ import annotations

from typing import Any

from flask import current_app

from app.core.database import end_read_transaction, write_transaction
from app.delivery import email_schedule, email_sender, push_sender, subscriptions
from app.extensions import db
from app.jobs import PermanentError, current_job_id, job
from app.lib.webpush import sending
from app.models import User
from app.notifications import scheduling
from app.web import error_mail


@job("notifications.mail", queue="mail", timeout=90)
def mail(user_id: int, cadence: str) -> dict[str, Any] | None:
    """Email a user's pending items for this cadence in one email, or reschedule it if they can't be emailed now.

    The result says what was left out of the email, and why. Idempotent: a second run finds nothing pending. If the
    worker dies between the mail server's "OK" and our commit, a second copy is sent with the same Message-ID.
    """
    later = scheduling.wait_for_other_email(user_id, cadence)
    if later is not None:
        with write_transaction():
            scheduling.schedule_email_at(user_id, cadence, later)
        return None
    user = db.session.get(User, user_id)
    waiting = scheduling.pending(user_id, cadence) if user is not None and user.is_active else []
    if user is None or not waiting:
        return None
    held_until = email_schedule.held_until(user, cadence)
    if held_until is not None:
        with write_transaction():
            scheduling.schedule_email_at(user_id, cadence, held_until)
        return None
    end_read_transaction()  # hold no transaction while the mail server works
    left_out = email_sender.send(user, cadence, waiting)
    with write_transaction():
        email_schedule.note_sent(user, cadence, waiting)
    return _told_operators(left_out) if left_out else None


@job("notifications.digest", queue="slow", timeout=90)
def digest(user_id: int, cadence: str) -> dict[str, Any] | None:
    """Send a digest: the same as `mail`, in the slow queue."""
    result: dict[str, Any] | None = mail(user_id, cadence)
    return result


def _told_operators(left_out: email_sender.LeftOut) -> dict[str, Any]:
    kinds, reason = list(left_out.kinds), f"{type(left_out.reason).__name__}: {left_out.reason}"
    current_app.logger.error("job %s left out of its email %s: %s", current_job_id(), ", ".join(kinds), reason)
    error_mail.report(left_out.reason)
    return {"left_out": kinds, "reason": reason}


@job("notifications.push", timeout=60)
def push(subscription_id: int) -> None:
    """Push what is new to one browser, or reschedule it if its user must not be disturbed now.

    Items that were read since are left out, and nothing is sent if nothing is left. Idempotent: a second run sends
    the same full state, which replaces the first on the screen. The same holds if the worker dies between the push
    service's "OK" and our commit.
    """
    subscription = push_sender.target(subscription_id)
    user = db.session.get(User, subscription.user_id) if subscription is not None else None
    if subscription is None or user is None or not user.is_active or not current_app.config["VAPID_PRIVATE_KEY"]:
        return
    held_until = push_sender.held_until(user)
    if held_until is not None:
        with write_transaction():
            scheduling.schedule_push_at(subscription.id, held_until)
        return
    news = push_sender.news(user, subscription.told_until)
    if news is None:
        return
    end_read_transaction()  # hold no transaction while the push service works
    try:
        push_sender.send(subscription, news)
    except sending.Gone:
        with write_transaction():
            subscriptions.forget(subscription)
    except sending.PushRejected as reason:
        raise PermanentError(str(reason)) from reason
    else:
        with write_transaction():
            subscriptions.note_told(subscription, news.told_until)
