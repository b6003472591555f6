"""Queries for a data export: a user's conversations and the messages that the user can see, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.extensions import db
from app.models import Conversation, ConversationMember, MemberState, Message, User
from app.queries import visibility

BATCH_SIZE = 100  # conversations per query


@dataclass(frozen=True)
class ExportedConversation:
    """A conversation in the data export of a user.

    `membership` is the user's membership. `people` contains the (id, username) of every current member.
    """

    conversation: Conversation
    membership: ConversationMember
    people: Sequence[tuple[int, str]]

    @property
    def has_left(self) -> bool:
        """Whether the user has left the group."""
        return self.membership.state == MemberState.LEFT


def message_count(owner_id: int) -> int:
    """Return the number of messages that the user can see."""
    shown = (
        select(func.count())
        .select_from(ConversationMember)
        .join(Message, visibility.message_is_shown(ConversationMember))
    )
    return db.session.scalar(shown.where(ConversationMember.user_id == owner_id)) or 0


def newest_message_id(owner_id: int) -> int:
    """Return the id of the newest message that the user can see, or 0."""
    return (
        db.session.scalar(
            select(func.max(ConversationMember.newest_message_id)).where(ConversationMember.user_id == owner_id)
        )
        or 0
    )


def conversations(owner_id: int) -> Iterator[ExportedConversation]:
    """Yield the user's conversations that contain a message or a draft, in the order of their ids."""
    after = 0
    while True:
        query = (
            select(Conversation, ConversationMember)
            .join(ConversationMember, ConversationMember.conversation_id == Conversation.id)
            .where(
                ConversationMember.user_id == owner_id,
                or_(ConversationMember.newest_message_id > 0, ConversationMember.draft != ""),
            )
            .where(Conversation.id > after)
            .order_by(Conversation.id)
            .limit(BATCH_SIZE)
        )
        rows = db.session.execute(query).all()
        people = _people([conversation.id for conversation, _membership in rows])
        for conversation, membership in rows:
            yield ExportedConversation(conversation, membership, people.get(conversation.id, []))
        if len(rows) < BATCH_SIZE:
            return
        after = rows[-1][0].id


def messages(membership: ConversationMember, newest: int, size: int) -> Iterator[Sequence[Message]]:
    """Yield the messages that this member can see, up to message id `newest`, oldest first, in batches of `size`."""
    after = membership.joined_seq
    here = (
        ConversationMember.conversation_id == membership.conversation_id,
        ConversationMember.user_id == membership.user_id,
    )
    while True:
        query = (
            select(Message)
            .join(ConversationMember, visibility.message_is_shown(ConversationMember))
            .where(*here, Message.seq > after, Message.id <= newest)
            .order_by(Message.seq)
            .limit(size)
            .options(joinedload(Message.sender), selectinload(Message.images))
        )
        batch = db.session.scalars(query).all()
        if batch:
            yield batch
        if len(batch) < size:
            return
        after = batch[-1].seq


def _people(conversation_ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
    query = (
        select(ConversationMember.conversation_id, User.id, User.username)
        .join(User, User.id == ConversationMember.user_id)
        .where(ConversationMember.conversation_id.in_(conversation_ids), ConversationMember.state != MemberState.LEFT)
        .order_by(User.id)
    )
    people: dict[int, list[tuple[int, str]]] = {}
    for conversation_id, user_id, username in db.session.execute(query):
        people.setdefault(conversation_id, []).append((user_id, username))
    return people
