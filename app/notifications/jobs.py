"""Doors (queue) of notifications: the mail that gathers what waits for a person, and push."""

from __future__ import annotations

from app.jobs import job


@job("notifications.mail", queue="mail", timeout=90)
def mail(user_id: int, cadence: str) -> None:
    """Mail what waits for a person at this cadence, in one mail. Run twice, it finds nothing the second time."""


@job("notifications.push", timeout=60)
def push(subscription_id: int) -> None:
    """Tell one browser what is new. Run twice, it tells the same whole state."""
