"""Notify members of changes in a conversation: publish its state to their pages, and schedule email and push."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sqlalchemy import select

from app.core.signals import visibility_changed
from app.extensions import db
from app.messages.queries import conversation_state, threads
from app.models import ConversationMember, MemberState, User
from app.notifications import publish_state, scheduling
from app.queries import unread

KIND = "message"  # the name of this kind of event in the notification settings


def publish_conversation_state(conversation_id: int, user_ids: Iterable[int]) -> None:
    """Publish the conversation's state to each of these users."""
    for user_id in user_ids:
        publish_state(
            user_id,
            "conversation",
            partial(conversation_state.state_for, user_id, conversation_id),
            subject=str(conversation_id),
        )


def publish_unread_count(user_id: int) -> None:
    """Publish a user's number of unread messages."""
    publish_state(user_id, "unread_message_count", lambda: unread.message_count(user_id))


def publish_request_count(user_id: int) -> None:
    """Publish a user's number of pending message requests. The inbox shows it, but the badge doesn't include it."""
    publish_state(user_id, "message_request_count", lambda: unread.request_count(user_id))


def notify_new_message(conversation_id: int, sender_id: int) -> None:
    """Notify the members of a conversation of a new message.

    Each member's open pages get the conversation's new state and the new unread count. Members who don't mute the
    conversation also get email and push. A member with a pending message request gets only the state and the new number
    of requests.
    """
    membership = ConversationMember
    here = select(membership.user_id, membership.state, membership.muted).where(
        membership.conversation_id == conversation_id
    )
    for user_id, state, muted in db.session.execute(
        here.where(membership.state.in_((MemberState.ACCEPTED, MemberState.REQUEST)))
    ).all():
        publish_conversation_state(conversation_id, [user_id])
        if user_id == sender_id:
            continue
        if state == MemberState.REQUEST:
            publish_request_count(user_id)
            continue
        publish_unread_count(user_id)
        if not muted:
            scheduling.schedule_delivery(user_id, KIND)


def member_ids(conversation_id: int) -> list[int]:
    """Return the user ids of the current members of a conversation."""
    membership = ConversationMember
    inside = membership.state.in_(threads.ACTIVE_STATES)
    return list(
        db.session.scalars(select(membership.user_id).where(membership.conversation_id == conversation_id, inside))
    )


@visibility_changed.connect
def _refresh_counts(_sender: None, user_id: int, other_id: int, restored: bool) -> None:
    """Publish a user's counts and their conversation with the other user after a block or mute starts or ends.

    If it ended (`restored`), also schedule email and push for messages that now count as unread.
    """
    publish_unread_count(user_id)
    publish_request_count(user_id)
    conversation = threads.between(db.session.get_one(User, user_id), db.session.get_one(User, other_id))
    if conversation is not None:
        publish_conversation_state(conversation.id, [user_id])
    if restored:
        scheduling.schedule_delivery(user_id, KIND)
