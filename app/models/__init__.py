"""The nouns: columns, constraints, indexes (each says who needs it), relationships.

No behaviour that leaves the row.
"""

from app.models.account import LoginSession, MailToken
from app.models.follow import Follow
from app.models.job import Job
from app.models.message import Conversation, ConversationMember, Message
from app.models.notification import Notification, NotificationClock
from app.models.post import Post
from app.models.user import User

__all__ = [
    "Conversation",
    "ConversationMember",
    "Follow",
    "Job",
    "LoginSession",
    "MailToken",
    "Message",
    "Notification",
    "NotificationClock",
    "Post",
    "User",
]
