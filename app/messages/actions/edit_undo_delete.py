"""Edit, unsend and delete messages.

Each change increments the conversation's `revision`. An open page requests all changes after the revision that it
shows. The conversation is locked during a change, so two requests can't change a message at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.messages import notifications, permission
from app.messages.actions.images import detach
from app.messages.actions.locking import lock
from app.messages.actions.sealed_messages import readers_of, seal
from app.messages.actions.sending import checked_text
from app.messages.counters import reset_if_empty, update_counters
from app.messages.queries import conversations, message_pages
from app.messages.search_words import people_in, words_of
from app.models import Conversation, ConversationMember, HiddenMessage, MemberState, Message, User
from app.notifications import retract_event


@dataclass(frozen=True)
class Undone:
    """The result of unsending a message."""

    text: str  # the text of the message; "" if the message was already unsent
    draft: str  # the writer's new draft: the text, followed by the previous draft
    files: list[str] = field(default_factory=list)  # files no longer in use; the caller removes them after the commit


def undo(writer: User, conversation_id: int, seq: int, *, kept_for: timedelta) -> Undone:
    """Unsend a recent message: remove it for all members, as if it had never been sent. Idempotent.

    The text of the message is put into the writer's draft. If another member has read the message, a hidden copy (a
    sealed message) is kept for `kept_for`, so that this member can report it.

    Raises ActionError if the message is too old to be unsent, or if it was deleted for everyone. Raises LookupError if
    the writer has no message with this `seq`.
    """
    conversation, mine, message = _own_message(writer, conversation_id, seq)
    if message.kind == "undone":
        return Undone("", mine.draft)
    if message.deleted_at is not None or not permission.can_undo(message):
        raise ActionError(_l("It's too late to unsend this message."))
    readers = readers_of(message)
    if readers:
        seal(message, kept_for, readers=readers)
    text, files = message.body, detach(message)
    if text not in mine.draft:
        mine.draft = f"{text}\n\n{mine.draft}" if mine.draft else text
    message.kind, message.body, message.search_text, message.edited_at = "undone", "", "", None
    _record_change(conversation, message)
    update_counters(conversation.id)
    waiting = _membership_in_state(conversation, MemberState.REQUEST)
    if reset_if_empty(conversation):
        for user_id in waiting:
            retract_event(user_id, "message_request", str(conversation.id))
    _publish_removal(conversation, writer, waiting)
    return Undone(text, mine.draft, files)


def edit(writer: User, conversation_id: int, seq: int, body: str, *, max_length: int = 2000) -> Message:
    """Change the text of a message and mark the message as edited. Do nothing if the text is the same.

    Raises ActionError if the text is invalid, if the message is too old to be edited, or if the writer may no longer
    write in the conversation. Raises LookupError if the writer has no message with this `seq`.
    """
    conversation, _mine, message = _own_message(writer, conversation_id, seq)
    if message.kind == "undone" or message.deleted_at is not None:
        raise LookupError(seq)
    body = checked_text(body, max_length, message.images)
    if body == message.body:
        return message
    if not permission.can_edit(message):
        raise ActionError(_l("It's too late to edit this message."))
    _check_may_write(writer, conversation)
    message.body, message.edited_at = body, now()
    message.search_text = words_of(body, people_in(message.search_text))
    _record_change(conversation, message)
    notifications.publish_conversation_state(conversation.id, notifications.member_ids(conversation.id))
    return message


def delete_for_everyone(writer: User, conversation_id: int, seq: int, *, kept_for: timedelta) -> list[str]:
    """Delete a message for every member, and show a note in its place. Idempotent.

    A hidden copy (a sealed message) is kept for `kept_for`, so that the message can still be reported.

    Returns the image files that are no longer in use. The caller must delete these files after the commit. Raises
    ActionError if the message is too old to be deleted for everyone. Raises LookupError if the writer has no message
    with this `seq`.
    """
    conversation, _mine, message = _own_message(writer, conversation_id, seq)
    if message.kind == "undone" or message.deleted_at is not None:
        return []
    if not permission.can_edit(message):
        raise ActionError(
            _l("It's too late to delete this message for everyone. You can still delete it for yourself.")
        )
    seal(message, kept_for)
    files = detach(message)
    message.body, message.search_text, message.deleted_at = "", "", now()
    _record_change(conversation, message)
    _publish_removal(conversation, writer, _membership_in_state(conversation, MemberState.REQUEST))
    return files


def delete_for_me(person: User, conversation_id: int, seq: int) -> None:
    """Hide a message from one member. Other members still see it. Idempotent.

    Raises LookupError if the conversation has no message `seq` that the member can see or has hidden before.
    """
    conversation = _lock(conversation_id)
    mine = _membership(person, conversation)
    message = _shown(mine, seq)
    if message is None:
        if not _is_hidden(person, conversation, seq):
            raise LookupError(seq)
        return
    hidden = insert_into(HiddenMessage).values(user_id=person.id, message_id=message.id)
    db.session.execute(hidden.on_conflict_do_nothing())
    update_counters(conversation.id, person.id)
    notifications.publish_unread_count(person.id)
    notifications.publish_request_count(person.id)
    notifications.publish_conversation_state(conversation.id, [person.id])


def _own_message(writer: User, conversation_id: int, seq: int) -> tuple[Conversation, ConversationMember, Message]:
    """Lock a conversation. Return the conversation, the writer's membership, and the writer's message `seq`.

    The message may have been unsent or deleted for everyone. Raises LookupError if the writer is not a member or has no
    such message.
    """
    conversation = _lock(conversation_id)
    mine = _membership(writer, conversation)
    message = _shown(mine, seq, gone=True)
    if message is None or message.sender_id != writer.id or message.kind not in {"text", "undone"}:
        raise LookupError(seq)
    return conversation, mine, message


def _lock(conversation_id: int) -> Conversation:
    try:
        return lock(conversation_id)
    except NoResultFound as error:
        raise LookupError(conversation_id) from error


def _membership(person: User, conversation: Conversation) -> ConversationMember:
    mine = db.session.get(ConversationMember, (conversation.id, person.id), populate_existing=True)
    if mine is None or mine.state not in conversations.ACTIVE_STATES:
        raise LookupError(conversation.id)
    return mine


def _shown(mine: ConversationMember, seq: int, *, gone: bool = False) -> Message | None:
    query = message_pages.shown(mine, gone=gone).where(Message.seq == seq).execution_options(populate_existing=True)
    return db.session.scalars(query).unique().one_or_none()


def _is_hidden(person: User, conversation: Conversation, seq: int) -> bool:
    hidden = select(Message.id).join(HiddenMessage, HiddenMessage.message_id == Message.id)
    this = (HiddenMessage.user_id == person.id, Message.conversation_id == conversation.id, Message.seq == seq)
    return db.session.scalar(hidden.where(*this)) is not None


def _check_may_write(writer: User, conversation: Conversation) -> None:
    """Raise ActionError if the writer may not send messages to the other user, for example because of a block.

    Without this check, an edited text could still reach a user who blocks the writer. In a group, nothing is checked.
    """
    if conversation.is_group:
        return
    there = (ConversationMember.conversation_id == conversation.id, ConversationMember.user_id != writer.id)
    other = db.session.scalar(
        select(User).join(ConversationMember, ConversationMember.user_id == User.id).where(*there)
    )
    if other is None:
        raise ActionError(permission.CANNOT_MESSAGE)
    verdict = permission.decide(permission.relationship(writer, other, conversation.id))
    if verdict.kind == "refused":
        raise ActionError(verdict.sentence)


def _record_change(conversation: Conversation, message: Message) -> None:
    """Increment the conversation's revision, and store the new revision in the changed message.

    An open page requests the messages whose revision is higher than the revision that it shows.
    """
    conversation.revision += 1
    message.revision = conversation.revision
    db.session.flush()


def _membership_in_state(conversation: Conversation, state: str) -> list[int]:
    these = select(ConversationMember.user_id).where(
        ConversationMember.conversation_id == conversation.id, ConversationMember.state == state
    )
    return list(db.session.scalars(these))


def _publish_removal(conversation: Conversation, writer: User, waiting: list[int]) -> None:
    """Publish the new state and counts of a conversation to its members after a message was unsent or deleted.

    The members in `waiting`, who have not accepted the conversation, get their number of message requests. All other
    members except the writer get their number of unread messages.
    """
    people = notifications.member_ids(conversation.id)
    notifications.publish_conversation_state(conversation.id, people)
    for user_id in people:
        if user_id in waiting:
            notifications.publish_request_count(user_id)
        elif user_id != writer.id:
            notifications.publish_unread_count(user_id)
