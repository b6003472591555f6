"""Delivery: how notifications reach a member outside the site, and the settings for it.

email       email_sender (sends one), email_schedule (when it may be sent), pending_events (its content)
no email    unsubscribe_links (what they contain), unsubscribe_routes
push        push_sender (sends one), subscriptions, push_routes
settings    settings_routes, forms, actions
jobs        one email, one push

What is delivered, and when, is decided in app/notifications.
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
