"""Functions that change conversations and messages. Routes and jobs call them.

sending           sends messages to a person or a group
edit_undo_delete  edits, unsends and deletes messages
read_receipts     records which messages a user has read, and which were delivered to the user's pages
membership        accepts and declines message requests, mutes conversations, saves drafts
groups            starts and renames groups, adds people, leaves
images            adds images to a message and removes them
rate_limits       limits how many messages a user may send
sealed_messages   keeps hidden copies of deleted messages, so that they can be reported
account_deletion  removes a deleted account from its conversations
locking           locks conversations and memberships
"""

from app.messages.actions import account_deletion  # noqa: F401  (registers itself)
from app.messages.actions.read_receipts import mark_delivered, mark_read
from app.messages.actions.sending import SendOptions, send_message, send_to_group

__all__ = ["SendOptions", "mark_delivered", "mark_read", "send_message", "send_to_group"]
