"""Signals: changes that other packages react to in the same transaction. Receivers run in no particular order.

Functions whose order or return value matters are not receivers of a signal; they are registered in a list. See
app/core/account_deletion.py, app/core/exports.py, and the providers of pending items in
app/notifications/scheduling.py.
"""

from __future__ import annotations

from blinker import Signal

# A job has a new state or progress. The sender is the `Job`.
job_changed = Signal()
# An account was closed, suspended or restored, so `User.active` may have changed. The sender is the `User`.
account_activity_changed = Signal()
# A block or mute between two users started or ended. The signal has no sender. Its arguments are `user_id` (whose
# counts may change), `other_id`, and `restored`, which is True if `user_id` may now see more of `other_id`.
visibility_changed = Signal()
