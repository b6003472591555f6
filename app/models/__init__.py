"""The nouns: columns, constraints, indexes (each says who needs it), relationships.

No behaviour that leaves the row.
"""

from app.models.account import LoginSession, MailToken
from app.models.activity import Activity
from app.models.delivery import DeliveryPreference, DeliveryProfile, MailTally
from app.models.follow import Follow
from app.models.job import Job
from app.models.message import Conversation, ConversationMember, Message
from app.models.notification import Notification, NotificationClock
from app.models.post import Post
from app.models.push import PushSubscription
from app.models.user import User

__all__ = [
    "Activity",
    "Conversation",
    "ConversationMember",
    "DeliveryPreference",
    "DeliveryProfile",
    "Follow",
    "Job",
    "LoginSession",
    "MailTally",
    "MailToken",
    "Message",
    "Notification",
    "NotificationClock",
    "Post",
    "PushSubscription",
    "User",
]
