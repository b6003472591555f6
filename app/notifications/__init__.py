"""Notifications: the door of the poller, and how each person wants to be told. What is told: app/notify."""

from flask import Blueprint

bp = Blueprint("notifications", __name__, cli_group=None)  # its commands stand under `flask` itself

from app.notifications import jobs, routes, unmailed, unsubscribe_routes, upkeep  # noqa: E402, F401  (register themselves)
from app.notifications.idle import answer_idle_polls  # noqa: E402  (as above)

__all__ = ["answer_idle_polls", "bp"]
