"""Change a user's membership in a conversation: accept or decline a request, mute, unmute, save a draft."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, select, update

from app.core import mute_duration
from app.core.time import now
from app.extensions import db
from app.jobs import enqueue_at
from app.messages import notifications, permission
from app.messages.actions import rate_limits
from app.messages.actions.locking import lock_pair
from app.messages.permission import Relationship
from app.messages.queries.conversations import ConversationView
from app.models import ConversationMember, MemberState, Message, User
from app.notifications import scheduling
from app.queries import visibility

DRAFT_MAX_LENGTH = 20_000  # characters; more than in a message, so that a text that is too long to send isn't lost
END_MUTE_JOB = "messages.end_mute"


def accept(user: User, conversation_id: int) -> bool:
    """Accept a message request. Return False if there is no request.

    A declined request can still be accepted. From now on, the unread messages of the conversation count in the badge.
    If the user shares read receipts, the members who also share them can now see which messages the user has read.
    """
    if not _change(
        user, conversation_id, {"state": MemberState.ACCEPTED}, _state_in(MemberState.REQUEST, MemberState.DECLINED)
    ):
        return False
    _publish_counts(user, conversation_id)
    notifications.publish_request_count(user.id)
    if user.receipts:
        others = [user_id for user_id in notifications.member_ids(conversation_id) if user_id != user.id]
        notifications.publish_conversation_state(conversation_id, others)
    return True


def decline(user: User, conversation_id: int) -> bool:
    """Decline a message request. Return False if there is no pending request.

    Other members aren't notified. The request can still be accepted later.
    """
    if not _change(user, conversation_id, {"state": MemberState.DECLINED}, _state_in(MemberState.REQUEST)):
        return False
    notifications.publish_request_count(user.id)
    notifications.publish_conversation_state(conversation_id, [user.id])
    return True


def mute(user: User, conversation_id: int, hours: int | None = None) -> None:
    """Mute a conversation: its messages don't count in the badge, and cause no email or push notification.

    `hours` is the duration of the mute, one of `mute_duration.HOURS`. If `hours` is None, the mute lasts until the user
    ends it. Raises ActionError for other values.
    """
    until = mute_duration.ends_at(hours)
    _change(user, conversation_id, {"muted": True, "muted_until": until})
    if until is not None:
        enqueue_at(END_MUTE_JOB, until, conversation_id=conversation_id, user_id=user.id)
    notifications.publish_unread_count(user.id)
    notifications.publish_conversation_state(conversation_id, [user.id])


def unmute(user: User, conversation_id: int) -> bool:
    """Unmute a conversation, so that its unread messages count in the badge. Return False if it was not muted."""
    return _unmute(user, conversation_id)


def end_mute(user: User, conversation_id: int) -> bool:
    """Unmute a conversation if the end time of its mute has passed. Return whether it was unmuted.

    If the end time is in the future, for example because the mute was extended, enqueue a job that calls this function
    again at that time.
    """
    muted_until = select(ConversationMember.muted_until).where(*_is_membership(user, conversation_id))
    until = db.session.scalar(muted_until)
    if until is None:
        return False
    if until > now():
        enqueue_at(END_MUTE_JOB, until, conversation_id=conversation_id, user_id=user.id)
        return False
    # The condition is repeated, because the user may have muted the conversation again in the meantime.
    return _unmute(user, conversation_id, ConversationMember.muted_until <= now())


def save_draft(user: User, opened: ConversationView, text: str, *, own_seq: int) -> bool:
    """Save the user's draft of a message. Return whether the stored draft changed.

    `own_seq` is the sequence number of the user's newest message on the page. If the user has sent a later message,
    nothing is saved: the page is out of date, and the text may be the message that was sent.

    If the two users have no conversation yet, one is created for the draft. Nothing is saved if `_may_start` does not
    allow this.
    """
    text = text.replace("\0", "")  # PostgreSQL can't store U+0000
    conversation = opened.conversation
    if conversation is None:
        if not text or opened.other is None or opened.relationship is None or not _may_start(user, opened.relationship):
            return False
        conversation = lock_pair(user, opened.other)
    membership = ConversationMember
    # Lock first. Otherwise PostgreSQL's UPDATE may wait for a concurrent send and then not see the sent message.
    mine = select(membership.user_id).where(
        membership.conversation_id == conversation.id, membership.user_id == user.id
    )
    db.session.execute(mine.with_for_update())
    # Count only visible messages: the page doesn't know the seq of unsent ones.
    sent = exists().where(visibility.message_is_shown(membership), Message.sender_id == user.id, Message.seq > own_seq)
    this = (
        membership.conversation_id == conversation.id,
        membership.user_id == user.id,
        membership.draft != text,
        ~sent,
    )
    keep = update(membership).where(*this).values(draft=text[:DRAFT_MAX_LENGTH]).returning(membership.user_id)
    return db.session.scalar(keep) is not None


def _may_start(user: User, facts: Relationship) -> bool:
    """Return whether the user may start a conversation by saving a draft.

    The user must be allowed to write to the other user. The number of conversations that the user has started and that
    contain only drafts must be below a limit.
    """
    return permission.decide(facts).kind != "refused" and rate_limits.may_begin_draft(user)


def _unmute(user: User, conversation_id: int, *conditions: ColumnElement[bool]) -> bool:
    heard_again = {"muted": False, "muted_until": None}
    if not _change(user, conversation_id, heard_again, ConversationMember.muted.is_(True), *conditions):
        return False
    _publish_counts(user, conversation_id)
    return True


def _is_membership(user: User, conversation_id: int) -> tuple[ColumnElement[bool], ...]:
    return ConversationMember.conversation_id == conversation_id, ConversationMember.user_id == user.id


def _state_in(*states: str) -> ColumnElement[bool]:
    return ConversationMember.state.in_(states)


def _change(user: User, conversation_id: int, values: dict[str, Any], *conditions: ColumnElement[bool]) -> bool:
    """Set `values` in the user's membership if it meets all `conditions`. Return whether it was updated."""
    change = update(ConversationMember).where(*_is_membership(user, conversation_id), *conditions).values(**values)
    return db.session.scalar(change.returning(ConversationMember.user_id)) is not None


def _publish_counts(user: User, conversation_id: int) -> None:
    """Publish the user's unread count and the conversation's state, and schedule email and push notifications.

    Call this when messages of the conversation begin to count as unread, for example after the user unmuted it.
    """
    notifications.publish_unread_count(user.id)
    notifications.publish_conversation_state(conversation_id, [user.id])
    scheduling.schedule_delivery(user.id, notifications.KIND)
