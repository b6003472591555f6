"""Delivery jobs: send an email or a push about pending items."""

from __future__ import annotations

from typing import Any

from flask import current_app

from app.core.database import end_read_transaction
from app.delivery import email_limits, email_sender, push_sender, subscriptions
from app.extensions import db
from app.jobs import PermanentError, current_job_id, finish, job
from app.lib.webpush import sending
from app.models import User
from app.notifications import scheduling
from app.web import error_mail


@job("notifications.mail", queue="mail", timeout=90)
def mail(user_id: int, cadence: str) -> None:
    """Email a user about their pending items of one cadence, or reschedule the email if it may not be sent now.

    `cadence` is one of `scheduling.CADENCES`, such as "daily". If items were left out of the email, the job's result
    says of which kinds and why. Idempotent: a second run finds no pending items. If the worker dies after the mail
    server accepted the email but before the job commits, the email is sent twice, with the same Message-ID.
    """
    later = scheduling.wait_for_other_email(user_id, cadence)
    if later is not None:
        finish(lambda: scheduling.schedule_email_at(user_id, cadence, later))
        return
    user = db.session.get(User, user_id)
    waiting = scheduling.pending(user_id, cadence) if user is not None and user.is_active else []
    if user is None or not waiting:
        return
    held_until = email_limits.held_until(user, cadence)
    if held_until is not None:
        finish(lambda: scheduling.schedule_email_at(user_id, cadence, held_until))
        return
    end_read_transaction()  # hold no transaction while the mail server works
    left_out = email_sender.send(user, cadence, waiting)
    finish(lambda: email_limits.note_sent(user_id, cadence, waiting), _description(left_out) if left_out else None)
    if left_out:
        _report(left_out)


@job("notifications.digest", queue="slow", timeout=90)
def digest(user_id: int, cadence: str) -> None:
    """Email a user a digest of their pending items, as `mail` does.

    This job is in the slow queue, so that many digests don't delay other emails.
    """
    mail(user_id, cadence)


def _description(left_out: email_sender.OmittedItems) -> dict[str, Any]:
    return {"left_out": list(left_out.kinds), "reason": f"{type(left_out.reason).__name__}: {left_out.reason}"}


def _report(left_out: email_sender.OmittedItems) -> None:
    kinds, reason = ", ".join(left_out.kinds), _description(left_out)["reason"]
    current_app.logger.error("job %s left out of its email %s: %s", current_job_id(), kinds, reason)
    error_mail.report(left_out.reason)


@job("notifications.push", timeout=60)
def push(subscription_id: int) -> None:
    """Send a push about unread notifications to one browser, or reschedule it if the user must not be disturbed now.

    Send nothing if there is no new unread notification since the previous push. So a second run usually sends nothing.
    If the worker dies after the push service accepted the push but before the job commits, a second run sends the push
    again, and the browser replaces the first one.
    """
    subscription = push_sender.target(subscription_id)
    user = db.session.get(User, subscription.user_id) if subscription is not None else None
    if subscription is None or user is None or not user.is_active or not current_app.config["VAPID_PRIVATE_KEY"]:
        return
    held_until = push_sender.held_until(user)
    if held_until is not None:
        finish(lambda: scheduling.schedule_push_at(subscription_id, held_until))
        return
    news = push_sender.pending_content(user, subscription.synced_until)
    if news is None:
        return
    user_id, endpoint = user.id, subscription.endpoint
    end_read_transaction()  # hold no transaction while the push service works
    try:
        push_sender.send(subscription, news)
    except sending.Gone:
        finish(lambda: subscriptions.delete_subscription(subscription_id, endpoint))
    except sending.PushRejected as reason:
        raise PermanentError(str(reason)) from reason
    else:
        finish(lambda: subscriptions.mark_synced(subscription_id, user_id, news.synced_until))
