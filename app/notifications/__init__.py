"""Notifications: the door of the poller, and how each person wants to be told. What is told: app/notify.

the poll      idle, load, since (before the framework), routes, queries
the settings  settings_routes, forms, actions
mail          unmailed (what waits), mailing (what it says), unsubscribing, unsubscribe_routes
push          subscriptions, push_routes, push_cli, pushing (what it says)
the worker    jobs (one mail, one push), upkeep (every day), recount
"""

from flask import Blueprint

bp = Blueprint("notifications", __name__, cli_group=None)  # its commands stand under `flask` itself

from app.notifications import (  # noqa: E402  (they register themselves)
    jobs,  # noqa: F401
    push_cli,  # noqa: F401
    push_routes,  # noqa: F401
    routes,  # noqa: F401
    settings_routes,  # noqa: F401
    unmailed,  # noqa: F401
    unsubscribe_routes,  # noqa: F401
    upkeep,  # noqa: F401
)
from app.notifications.idle import answer_idle_polls  # noqa: E402  (as above)

__all__ = ["answer_idle_polls", "bp"]
