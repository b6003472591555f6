"""The only writers of conversations and messages.

sending           messages to a person or a group
edit_undo_delete  editing, unsending, deleting
read_receipts     what a page has shown, and what a poll has fetched
membership        one member's view of a conversation: requests, muting, drafts
groups            start, rename, add, leave
images            the images of a message
rate_limits       how many messages a user may send
sealed_messages   copies of deleted messages, kept for reports
account_deletion  removes a deleted account from its conversations
locking           the locks of conversations
"""

from app.messages.actions import account_deletion  # noqa: F401  (registers itself)
from app.messages.actions.read_receipts import mark_delivered, mark_read
from app.messages.actions.sending import send_message, send_to_group

__all__ = ["mark_delivered", "mark_read", "send_message", "send_to_group"]
