"""Telling people that a conversation moved: states for the poller, and mail and push for whom a message is new."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sqlalchemy import select

from app.extensions import db
from app.messages.queries import conversation_state, threads
from app.models import ConversationMember, User
from app.notifications import publish_state, scheduling, visibility
from app.queries import unread

KIND = "message"  # in the delivery grid


def publish_conversation_state(conversation_id: int, user_ids: Iterable[int]) -> None:
    """Tell these people's pages how the conversation stands."""
    for user_id in user_ids:
        publish_state(
            user_id,
            "conversation",
            partial(conversation_state.state_for, user_id, conversation_id),
            subject=str(conversation_id),
        )


def publish_unread_count(user_id: int) -> None:
    """Tell a person's pages how many messages are unread."""
    publish_state(user_id, "unread_message_count", lambda: unread.message_count(user_id))


def publish_request_count(user_id: int) -> None:
    """Tell a person's pages how many requests wait: shown on the tray, and in no badge."""
    publish_state(user_id, "message_request_count", lambda: unread.request_count(user_id))


def notify_new_message(conversation_id: int, sender_id: int) -> None:
    """Tell everybody in a conversation of a new message. Who has not accepted it hears only the tray's number."""
    membership = ConversationMember
    here = select(membership.user_id, membership.state, membership.muted).where(
        membership.conversation_id == conversation_id
    )
    for user_id, state, muted in db.session.execute(here.where(membership.state.in_(("accepted", "request")))).all():
        publish_conversation_state(conversation_id, [user_id])
        if user_id == sender_id:
            continue
        if state == "request":
            publish_request_count(user_id)
            continue
        publish_unread_count(user_id)
        if not muted:
            scheduling.schedule_delivery(user_id, KIND)


def member_ids(conversation_id: int) -> list[int]:
    """The ids of the people who are in a conversation."""
    membership = ConversationMember
    inside = membership.state.in_(threads.ACTIVE_STATES)
    return list(
        db.session.scalars(select(membership.user_id).where(membership.conversation_id == conversation_id, inside))
    )


@visibility.when_changed
def _hears_otherwise(user_id: int, other_id: int, again: bool) -> None:
    """Somebody was blocked or muted, or is no longer: other messages count, and an open page looks whether to write."""
    publish_unread_count(user_id)
    publish_request_count(user_id)
    conversation = threads.between(db.session.get_one(User, user_id), db.session.get_one(User, other_id))
    if conversation is not None:
        publish_conversation_state(conversation.id, [user_id])
    if again:
        scheduling.schedule_delivery(user_id, KIND)
