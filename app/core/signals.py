"""Signals for changes that other packages react to. Receivers run in the same transaction, in no particular order.

If the order or the return value of functions matters, they are not receivers of a signal, but registered in a list. See
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
