"""Send messages to a person or a group."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, Select, Update, and_, bindparam, case, select, update
from sqlalchemy.orm.attributes import set_committed_value

from app.core.database import built_once, execute_core, insert_returning
from app.core.exceptions import ActionError, LoginEnded
from app.core.i18n import _l
from app.core.images import Picture, form_key_with_images
from app.core.time import now
from app.core.validation import checked_body, send_key
from app.extensions import db
from app.messages import notifications, permission
from app.messages.actions import rate_limits
from app.messages.actions.images import attach
from app.messages.actions.locking import Members, lock_pair_with_members, lock_with_members
from app.messages.actions.read_receipts import has_unread, mark_read
from app.messages.queries.conversations import ACTIVE_STATES
from app.messages.search_words import words_of
from app.models import Conversation, ConversationMember, MemberState, Message, User
from app.notifications import record_event
from app.queries import people


@dataclass(frozen=True)
class SendOptions:
    """Options for sending a message: the key of the form, the images, and the limits that apply."""

    form_key: str | None = None  # identifies the form, so that submitting it twice sends one message
    pictures: Sequence[Picture] = ()
    max_length: int = 2000
    limited: bool = False  # whether the rate limits apply
    read_upto: int = 0  # the sequence number up to which the sender has read the messages


DEFAULT_OPTIONS = SendOptions()


def send_message(
    sender: User,
    recipient: User,
    body: str,
    options: SendOptions = DEFAULT_OPTIONS,
) -> Message:
    """Send `body` to `recipient`, update their badge, and schedule email and push, all in the caller's transaction.

    If a form is submitted twice with the same `form_key` and content, one message is sent, and both calls return it. A
    recipient who neither follows the sender nor has accepted the conversation gets a message request.

    Raises ActionError if the text is invalid or the sender can't message the recipient. With `options.limited`, also
    raises ActionError if the sender is over a rate limit. Raises LoginEnded if the sender's login has ended.
    """
    if sender.id == recipient.id:
        raise ActionError(_l("You can't message yourself."))
    body = checked_text(body, options.max_length, options.pictures)
    conversation, members = lock_pair_with_members(sender, recipient)
    key = send_key(sender, body, form_key_with_images(options.form_key, options.pictures))
    facts, sent = _facts(sender, recipient, conversation, key)
    if sent.message_id is not None:
        mark_read(sender, conversation, options.read_upto)
        return db.session.get_one(Message, sent.message_id)
    verdict = permission.decide(facts)
    if verdict.kind == "refused":
        raise ActionError(verdict.sentence)
    if options.limited:
        rate_limits.check(sender, conversation, sent, waits=verdict.kind == "request")
    if conversation.newest_seq == 0:  # no message has been sent in it yet, but it may contain drafts
        conversation.started_by_id, conversation.started_at = sender.id, now()
    states = {sender.id: MemberState.ACCEPTED}
    if verdict.kind == "allowed":
        states[recipient.id] = MemberState.ACCEPTED
    elif facts.state == MemberState.NEW:
        states[recipient.id] = MemberState.REQUEST
        # A request appears only on the Activity page. It causes no badge and no email.
        record_event(recipient.id, "message_request", str(conversation.id), actor=sender, known=True)
    return _append(conversation, members, sender, states, body=body, key=key, options=options)


def _facts(
    sender: User, recipient: User, conversation: Conversation, key: str | None
) -> tuple[permission.Relationship, rate_limits.Sent]:
    """Return the relationship of the two users, and how many messages the sender has sent.

    Both decide whether the message may be sent. One query loads both and checks the sender's login. Raises LoginEnded
    if the login has ended.
    """
    named = permission.relationship_parameters(sender, recipient, conversation.id)
    found = execute_core(_facts_query(), named | _sent_parameters(sender, conversation, key)).one()
    number = len(dataclasses.fields(permission.Relationship))
    return permission.Relationship(*found[:number]), _sent_if_logged_in(found[number:])


@built_once
def _facts_query() -> Select[Any]:
    return permission.relationship_query().add_columns(*rate_limits.columns(), people.has_live_login())


@built_once
def _sent_query() -> Select[Any]:
    return select(*rate_limits.columns(), people.has_live_login())


def _sent_parameters(sender: User, conversation: Conversation, key: str | None) -> dict[str, Any]:
    return rate_limits.parameters(sender, conversation, key) | people.login_parameters(sender)


def _sent_if_logged_in(found: Sequence[Any]) -> rate_limits.Sent:
    *sent, has_live_login = found
    if not has_live_login:
        raise LoginEnded
    return rate_limits.Sent(*sent)


def send_to_group(
    sender: User,
    conversation_id: int,
    body: str,
    options: SendOptions = DEFAULT_OPTIONS,
) -> Message:
    """Send `body` to a group. As in `send_message`, a form that is submitted twice sends one message.

    Raises ActionError if the text is invalid or the sender is not a member. With `options.limited`, also raises
    ActionError if the sender is over a rate limit. Raises LoginEnded if the sender's login has ended.
    """
    body = checked_text(body, options.max_length, options.pictures)
    conversation, members = lock_with_members(conversation_id)
    key = send_key(sender, body, form_key_with_images(options.form_key, options.pictures))
    found = execute_core(_sent_query(), _sent_parameters(sender, conversation, key)).one()
    sent = _sent_if_logged_in(found)
    if sent.message_id is not None:
        mark_read(sender, conversation, options.read_upto)
        return db.session.get_one(Message, sent.message_id)
    mine = members.get(sender.id)
    if mine is None or mine.state == MemberState.LEFT or not conversation.is_group:
        raise ActionError(_l("You're not in this conversation."))
    if options.limited:
        rate_limits.check(sender, conversation, sent, waits=False)
    states = {sender.id: MemberState.ACCEPTED}
    return _append(conversation, members, sender, states, body=body, key=key, options=options)


def append_event(conversation: Conversation, actor: User, kind: str, args: dict[str, Any]) -> Message:
    """Add an event to the messages of a group, for example that the group was renamed.

    The event does not count as unread. The caller must hold the conversation's lock.
    """
    message = _store(conversation, actor, kind=kind, args=args, body="")
    membership = ConversationMember
    inside = update(membership).where(
        membership.conversation_id == conversation.id, membership.state != MemberState.LEFT
    )
    db.session.execute(inside.values(newest_message_id=message.id))
    return message


def checked_text(body: str, max_length: int, pictures: Sequence[object]) -> str:
    """Return the text of a message as it is stored. The text may be empty if the message has images.

    Raises ActionError if the text is empty without images, is too long, or contains unsupported characters.
    """
    return checked_body(body, max_length, optional=bool(pictures))


def _append(
    conversation: Conversation,
    members: Members,
    sender: User,
    states: Mapping[int, MemberState],
    *,
    body: str,
    key: str | None,
    options: SendOptions,
) -> Message:
    """Add a message to a locked conversation, mark messages as read by the sender, and notify the members.

    `states` maps user ids to new membership states. A member whose id is not in `states` keeps their state.
    """
    after = {user_id: states.get(user_id, membership.state) for user_id, membership in members.items()}
    words = words_of(body, [user_id for user_id, state in after.items() if state in ACTIVE_STATES])
    message = _store(conversation, sender, body=body, form_key=key, search_text=words)
    attach(message, options.pictures)
    for user_id, membership in members.items():
        if after[user_id] == MemberState.ACCEPTED != membership.state and membership.newest_seq:
            notifications.publish_unread_count(user_id)  # the messages of an accepted request now count as unread
            notifications.publish_request_count(user_id)
    told = [notifications.Member(user_id, after[user_id], one.muted) for user_id, one in members.items()]
    if has_unread(members[sender.id], options.read_upto):
        notifications.publish_unread_count(sender.id)
    _count_message(message, states, options.read_upto)
    for membership in members.values():
        db.session.expire(membership)
    notifications.notify_new_message(conversation.id, sender.id, told)
    return message


def _store(conversation: Conversation, sender: User, **values: Any) -> Message:
    seq = conversation.newest_seq + 1
    execute_core(_update_conversation(), {"conversation": conversation.id, "seq": seq})
    set_committed_value(conversation, "newest_seq", seq)
    named = {"conversation_id": conversation.id, "seq": seq, "sender_id": sender.id, **values}
    message: Message = db.session.scalars(_insert_message(), named).one()
    return message


@built_once
def _update_conversation() -> Update:
    table: Any = Conversation.__table__
    return update(table).where(table.c.id == bindparam("conversation")).values(newest_seq=bindparam("seq"))


@built_once
def _insert_message() -> Executable:
    return insert_returning(Message)


def _count_message(message: Message, states: Mapping[int, MemberState], read_upto: int) -> None:
    """Update all memberships of a conversation after a new message, with one SQL statement.

    Set each member's newest message and state, clear the sender's draft, and move the sender's read position to
    `read_upto` unless it is already later. Whoever sends a message accepts the conversation. `states` has the new
    membership state of the recipient, if it changes. All other members keep their states.
    """
    recipient = next((user_id for user_id in states if user_id != message.sender_id), 0)
    named = {
        "conversation": message.conversation_id,
        "sender": message.sender_id,
        "recipient": recipient,
        "recipient_state": states.get(recipient),
        "seq": message.seq,
        "message": message.id,
        "read": min(read_upto, message.seq),
    }
    execute_core(_update_members(), named)


@built_once
def _update_members() -> Update:
    table: Any = ConversationMember.__table__
    columns, is_sender = table.c, table.c.user_id == bindparam("sender")
    is_recipient = columns.user_id == bindparam("recipient")  # 0 if there is none
    recipient_state = bindparam("recipient_state", type_=columns.state.type)
    has_left = columns.state == MemberState.LEFT
    return (
        update(table)
        .where(columns.conversation_id == bindparam("conversation"))
        .values(
            state=case((is_sender, MemberState.ACCEPTED), (is_recipient, recipient_state), else_=columns.state),
            newest_message_id=case((has_left, columns.newest_message_id), else_=bindparam("message")),
            newest_seq=case((is_sender, columns.newest_seq), else_=bindparam("seq")),
            read_seq=case(
                (and_(is_sender, columns.read_seq < bindparam("read")), bindparam("read")), else_=columns.read_seq
            ),
            draft=case((is_sender, ""), else_=columns.draft),
        )
    )
