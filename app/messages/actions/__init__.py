"""Actions on conversations and messages. Only these modules change them.

sending           sends messages to a person or a group
edit_undo_delete  edits, unsends and deletes messages
read_receipts     records which messages a user has read, and which were delivered
membership        accepts and declines message requests, mutes conversations, saves drafts
groups            starts and renames groups, adds people, leaves
images            adds images to a message and removes them
rate_limits       limits how many messages a user may send
sealed_messages   keeps copies of deleted messages for reports
account_deletion  removes a deleted account from its conversations
locking           locks conversations
"""

from app.messages.actions import account_deletion  # noqa: F401  (registers itself)
from app.messages.actions.read_receipts import mark_delivered, mark_read
from app.messages.actions.sending import SendOptions, send_message, send_to_group

__all__ = ["SendOptions", "mark_delivered", "mark_read", "send_message", "send_to_group"]
