"""Notifications: actions report what happened, and this package decides who is notified, how and when.

    publish_state(user_id, name, data, subject)     a state for the poller: the badge, a task's progress
    record_event(user_id, kind, subject, ...)       an event for the Activity page, its badge, email and push
    retract_event(user_id, kind, subject)           removes an event that did not happen after all
    scheduling.schedule_delivery(user_id, kind)     email and push for what is stored elsewhere, such as messages
    refresh_counts_for_deleted_post(post_id)        before a post and the events about it are deleted
    logins_changed(user_id)                         polls must query the database again

All of these belong to the caller's transaction. They are written when it commits, under the user's clock lock.
"""

from app.notifications import jobs  # noqa: F401  (declares its jobs and listeners)
from app.notifications.events import (
    publish_activity_count,
    record_event,
    refresh_counts_for_deleted_post,
    retract_event,
)
from app.notifications.outbox import logins_changed
from app.notifications.publish import publish_state

__all__ = [
    "logins_changed",
    "publish_activity_count",
    "publish_state",
    "record_event",
    "refresh_counts_for_deleted_post",
    "retract_event",
]
