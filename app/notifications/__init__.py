"""Notifications: the door of the poller. What is told, and when, is decided in app/notify.py."""

from flask import Blueprint

bp = Blueprint("notifications", __name__)

from app.notifications import routes  # noqa: E402, F401  (routes register themselves on bp)
from app.notifications.idle import answer_idle_polls  # noqa: E402  (as above)

__all__ = ["answer_idle_polls", "bp"]
