"""Notify the members of a conversation of changes: publish its state to their pages, and schedule email and push."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import select

from app.core.signals import visibility_changed
from app.extensions import db
from app.messages.queries import conversation_state, conversations
from app.models import ConversationMember, MemberState, User
from app.notifications import publish_state, scheduling
from app.queries import unread

KIND = "message"  # the name of this kind of event in the notification settings


def publish_conversation_state(conversation_id: int, user_ids: Collection[int]) -> None:
    """Publish the conversation's state to the pages of each of these users."""
    _publish_all(
        "conversation", user_ids, partial(conversation_state.states_for, conversation_id), str(conversation_id)
    )


def publish_unread_count(*user_ids: int) -> None:
    """Publish to each of these users their number of unread messages."""
    _publish_all("unread_message_count", user_ids, unread.message_counts)


def _publish_all(
    name: str, user_ids: Collection[int], ask: Callable[[Sequence[int]], Mapping[int, Any]], subject: str = ""
) -> None:
    """Publish to each of these users the state that `ask` returns for them.

    `ask` is called only once, for all users, during the commit while their notification clocks are locked.
    """
    asked = sorted(user_ids)
    answers = cache(lambda: ask(asked))
    for user_id in asked:
        publish_state(user_id, name, partial(lambda one: answers()[one], user_id), subject=subject)


def publish_request_count(user_id: int) -> None:
    """Publish to a user their number of pending message requests.

    The inbox shows this number. The badge does not include it.
    """
    publish_state(user_id, "message_request_count", lambda: unread.request_count(user_id))


class Member(NamedTuple):
    """The parts of a membership that decide how a member is notified of a new message."""

    user_id: int
    state: str
    muted: bool


def notify_new_message(conversation_id: int, sender_id: int, members: Iterable[Member]) -> None:
    """Notify the members of a conversation of a new message.

    Open pages of each member get the conversation's new state. Pages of members other than the sender also get the
    member's number of unread messages. If such a member hasn't muted the conversation, email and push notifications are
    scheduled, too. A member with a pending message request gets only the state and the new number of requests.
    """
    told = [member for member in members if member.state in {MemberState.ACCEPTED, MemberState.REQUEST}]
    others = [member for member in told if member.user_id != sender_id]
    publish_conversation_state(conversation_id, [member.user_id for member in told])
    publish_unread_count(*(member.user_id for member in others if member.state == MemberState.ACCEPTED))
    for user_id, state, muted in others:
        if state == MemberState.REQUEST:
            publish_request_count(user_id)
        elif not muted:
            scheduling.schedule_delivery(user_id, KIND)


def member_ids(conversation_id: int) -> list[int]:
    """Return the user ids of the current members of a conversation."""
    membership = ConversationMember
    inside = membership.state.in_(conversations.ACTIVE_STATES)
    return list(
        db.session.scalars(select(membership.user_id).where(membership.conversation_id == conversation_id, inside))
    )


@visibility_changed.connect
def _refresh_counts(_sender: None, user_id: int, other_id: int, restored: bool) -> None:
    """Publish a user's counts and the state of their conversation with another user after a block or mute changed.

    If the block or mute ended (`restored`), also schedule email and push, because messages may count as unread again.
    """
    publish_unread_count(user_id)
    publish_request_count(user_id)
    conversation = conversations.between(db.session.get_one(User, user_id), db.session.get_one(User, other_id))
    if conversation is not None:
        publish_conversation_state(conversation.id, [user_id])
    if restored:
        scheduling.schedule_delivery(user_id, KIND)
