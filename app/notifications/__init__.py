"""The notification engine: records events and states for users, and decides who is notified, how and when.

    publish_state(user_id, name, data, subject)     publishes a state to open pages: a badge count, a task's progress
    publish_activity_count(user_id)                 publishes the number of unread events
    record_event(user_id, kind, subject, ...)       records an event for the Activity page, its badge, email and push
    retract_event(user_id, kind, subject)           deletes or hides an event whose cause was undone, unless it was read
    restore_event(user_id, kind, subject, actor)    shows an event again that was hidden by `retract_event`
    scheduling.schedule_delivery(user_id, kind)     schedules email and push about other items, such as messages
    refresh_counts_for_deleted_post(post_id)        publishes new unread counts; call it before a post is deleted
    refresh_counts_for_thread(user_id, root_id)     publishes the new unread count after a thread was muted or unmuted
    logins_changed(user_id)                         clears the user's poll cache; call it after ending a login

Each function only registers a write. The write runs during the commit of the caller's transaction, while the user's row
in `notification_clock` is locked. So the timestamps follow the order of commits (outbox.py).
"""

from app.notifications import jobs  # noqa: F401  (importing it registers jobs and signal handlers)
from app.notifications.events import (
    publish_activity_count,
    record_event,
    refresh_counts_for_deleted_post,
    refresh_counts_for_thread,
    restore_event,
    retract_event,
)
from app.notifications.outbox import logins_changed, publish_state

__all__ = [
    "logins_changed",
    "publish_activity_count",
    "publish_state",
    "record_event",
    "refresh_counts_for_deleted_post",
    "refresh_counts_for_thread",
    "restore_event",
    "retract_event",
]
