"""Signals: changes that other packages react to, in the same transaction. Receivers run in no particular order.

Where the order or the answers matter, there is a registry instead: app/core/account_deletion.py, app/core/exports.py,
and the providers of pending email in app/notifications/scheduling.py.
"""

from __future__ import annotations

from blinker import Signal

# A job has a new state or progress. The sender is its row.
job_changed = Signal()
# A block or mute between two users started or ended. Sent without a sender, with `user_id`, whose counts change,
# `other_id`, and `restored`: True if the user may see more of the other one again.
visibility_changed = Signal()
