"""One person's membership of a conversation: answering a request, muting, and what they are writing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, select, update

from app.core import mute_duration
from app.core.clock import now
from app.extensions import db
from app.jobs import enqueue_at
from app.messages import notifications, permission
from app.messages.actions import rate_limits
from app.messages.actions.locking import lock_pair
from app.messages.permission import Relationship
from app.messages.queries.threads import ConversationView
from app.models import ConversationMember, Message, User
from app.notifications import scheduling
from app.queries import visibility

DRAFT_MAX_LENGTH = 20_000  # characters: longer than any message, so that a text that is too long is kept, too
END_MUTE_JOB = "messages.end_mute"


def accept(user: User, conversation_id: int) -> bool:
    """Take a request, also one that was declined before; False when there is none.

    From now on it is a conversation like any other: what is in it counts as unread until it is shown, and who shows
    each other what they read begins to do so.
    """
    if not _change(user, conversation_id, {"state": "accepted"}, _state_in("request", "declined")):
        return False
    _counts_moved(user, conversation_id)
    notifications.publish_request_count(user.id)
    if user.receipts:
        others = [user_id for user_id in notifications.member_ids(conversation_id) if user_id != user.id]
        notifications.publish_conversation_state(conversation_id, others)
    return True


def decline(user: User, conversation_id: int) -> bool:
    """Put a request away; False when there is none. Nobody else hears of it, and it can be taken back."""
    if not _change(user, conversation_id, {"state": "declined"}, _state_in("request")):
        return False
    notifications.publish_request_count(user.id)
    notifications.publish_conversation_state(conversation_id, [user.id])
    return True


def mute(user: User, conversation_id: int, hours: int | None = None) -> None:
    """No badge, no mail and no push for a conversation: for one of HOURS, or until it is taken back.

    Raises ActionError for another time.
    """
    until = mute_duration.ends_at(hours)
    _change(user, conversation_id, {"muted": True, "muted_until": until})
    if until is not None:
        enqueue_at(END_MUTE_JOB, until, conversation_id=conversation_id, user_id=user.id)
    notifications.publish_unread_count(user.id)
    notifications.publish_conversation_state(conversation_id, [user.id])


def unmute(user: User, conversation_id: int) -> bool:
    """Hear of a conversation again, also of what came meanwhile and was not read; False when it was not muted."""
    return _unmute(user, conversation_id)


def end_mute(user: User, conversation_id: int) -> bool:
    """End a mute whose time has come; False when there is none: it was taken back, or has no time now.

    One that was given another time meanwhile has a job for that. Called before the time, it orders another job.
    """
    muted_until = select(ConversationMember.muted_until).where(*_this(user, conversation_id))
    until = db.session.scalar(muted_until)
    if until is None:
        return False
    if until > now():
        enqueue_at(END_MUTE_JOB, until, conversation_id=conversation_id, user_id=user.id)
        return False
    return _unmute(user, conversation_id, ConversationMember.muted_until <= now())  # it may be muted anew just now


def save_draft(user: User, opened: ConversationView, text: str, *, own_seq: int) -> bool:
    """Keep what somebody is writing; False when they sent a message after number `own_seq`, the newest of theirs that
    the page knew: what it then saves may be what they have sent.
    """
    text = text.replace("\0", "")  # which PostgreSQL cannot store
    conversation = opened.conversation
    if conversation is None:
        if not text or opened.other is None or opened.terms is None or not _may_begin(user, opened.terms):
            return False
        conversation = lock_pair(user, opened.other)
    membership = ConversationMember
    # Locked first: PostgreSQL, when it has waited for who is sending, would look for messages as they were before.
    mine = select(membership.user_id).where(
        membership.conversation_id == conversation.id, membership.user_id == user.id
    )
    db.session.execute(mine.with_for_update())
    # The page knows no number of what was taken back.
    sent = exists().where(visibility.message_is_shown(membership), Message.sender_id == user.id, Message.seq > own_seq)
    this = (
        membership.conversation_id == conversation.id,
        membership.user_id == user.id,
        membership.draft != text,
        ~sent,
    )
    keep = update(membership).where(*this).values(draft=text[:DRAFT_MAX_LENGTH]).returning(membership.user_id)
    return db.session.scalar(keep) is not None


def _may_begin(user: User, terms: Relationship) -> bool:
    """Rows for a draft are made only where it could be sent, and for so many."""
    return permission.decide(terms).kind != "refused" and rate_limits.may_begin_draft(user)


def _unmute(user: User, conversation_id: int, *conditions: ColumnElement[bool]) -> bool:
    heard_again = {"muted": False, "muted_until": None}
    if not _change(user, conversation_id, heard_again, ConversationMember.muted.is_(True), *conditions):
        return False
    _counts_moved(user, conversation_id)
    return True


def _this(user: User, conversation_id: int) -> tuple[ColumnElement[bool], ...]:
    return ConversationMember.conversation_id == conversation_id, ConversationMember.user_id == user.id


def _state_in(*states: str) -> ColumnElement[bool]:
    return ConversationMember.state.in_(states)


def _change(user: User, conversation_id: int, values: dict[str, Any], *conditions: ColumnElement[bool]) -> bool:
    """Change the person's membership if the conditions still hold; whether they did."""
    change = update(ConversationMember).where(*_this(user, conversation_id), *conditions).values(**values)
    return db.session.scalar(change.returning(ConversationMember.user_id)) is not None


def _counts_moved(user: User, conversation_id: int) -> None:
    """What was kept back counts now: tell it, and let mail and push look again."""
    notifications.publish_unread_count(user.id)
    notifications.publish_conversation_state(conversation_id, [user.id])
    scheduling.schedule_delivery(user.id, notifications.KIND)
