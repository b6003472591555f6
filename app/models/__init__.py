"""The database tables as SQLAlchemy models: columns, constraints, indexes and relationships.

A comment at each index says which query needs it. The methods of models run no queries.
"""

from app.models.account import LoginSession, MailToken, PendingAccount
from app.models.activity import Activity
from app.models.conversation import Conversation, ConversationMember, MemberState
from app.models.delivery import DeliveryPreference, DeliveryProfile, MailTally
from app.models.follow import Follow
from app.models.image import PostImage
from app.models.job import Job
from app.models.message import HiddenMessage, Message, MessageImage, SealedMessage
from app.models.moderation import AuditEntry, Report, ReportedMessage, ReportState
from app.models.notification import Notification, NotificationClock
from app.models.post import Post, PostCount, PostDraft, PostRecipient, PostRevision, PostTag, QuotedPost, Visibility
from app.models.post_poll import PostPoll, PostPollOption, PostPollVote
from app.models.profile_count import ProfileCount
from app.models.push import PushSubscription
from app.models.reaction import PostBookmark, PostLike, PostPin, PostRepost
from app.models.relation import Block, Mute, ThreadMute
from app.models.scheduled_post import ScheduledPost
from app.models.user import MessagePrivacy, User
from app.models.user_list import UserList, UserListMember

__all__ = [
    "Activity",
    "AuditEntry",
    "Block",
    "Conversation",
    "ConversationMember",
    "DeliveryPreference",
    "DeliveryProfile",
    "Follow",
    "HiddenMessage",
    "Job",
    "LoginSession",
    "MailTally",
    "MailToken",
    "MemberState",
    "Message",
    "MessageImage",
    "MessagePrivacy",
    "Mute",
    "Notification",
    "NotificationClock",
    "PendingAccount",
    "Post",
    "PostBookmark",
    "PostCount",
    "PostDraft",
    "PostImage",
    "PostLike",
    "PostPin",
    "PostPoll",
    "PostPollOption",
    "PostPollVote",
    "PostRecipient",
    "PostRepost",
    "PostRevision",
    "PostTag",
    "ProfileCount",
    "PushSubscription",
    "QuotedPost",
    "Report",
    "ReportState",
    "ReportedMessage",
    "ScheduledPost",
    "SealedMessage",
    "ThreadMute",
    "User",
    "UserList",
    "UserListMember",
    "Visibility",
]
