"""Emails that tell users about changes to their account, in case an attacker made the changes."""

from __future__ import annotations

from typing import Literal

from app.core.time import now
from app.jobs import enqueue
from app.models import User

NoticeKind = Literal["password_changed", "email_changed"]


def enqueue_notice(user: User, what: NoticeKind, *, to: str = "") -> None:
    """Enqueue an email about the change `what` to the user's account.

    The email is sent to the address `to` or, by default, to the user's current address.
    """
    enqueue("accounts.mail_notice", user_id=user.id, what=what, to=to, at=now().isoformat())
