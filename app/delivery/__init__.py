"""Delivery of notifications by email and Web Push, and the settings for them.

    email           email_sender (sends an email), email_limits (when it may be sent), pending_events (its content)
    unsubscribing   unsubscribe_links, unsubscribe_routes
    push            push_sender (sends a push), subscriptions, push_routes
    settings        settings_routes, forms, actions
    jobs            the background jobs, each of which sends one email or one push

app/notifications decides what is delivered and when.
"""

from flask import Blueprint

bp = Blueprint("delivery", __name__)

from app.delivery import (  # noqa: E402  (they register themselves)
    jobs,  # noqa: F401
    pending_events,  # noqa: F401
    push_routes,  # noqa: F401
    settings_routes,  # noqa: F401
    unsubscribe_routes,  # noqa: F401
)

__all__ = ["bp"]
