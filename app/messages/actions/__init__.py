"""The only writers of conversations and messages.

sending     a message to a person or a group
reading     what was rendered, and what a poll fetched
changing    editing, taking back, deleting
sides       one person's side: requests, muting, drafts
groups      naming, adding, leaving
parting     what is left of somebody whose account is deleted
"""

from app.messages.actions import parting  # noqa: F401  (registers itself)
from app.messages.actions.reading import mark_delivered, mark_read
from app.messages.actions.sending import send_message, send_to_group

__all__ = ["mark_delivered", "mark_read", "send_message", "send_to_group"]
