"""What an export reads: a person's conversations, and of each what they can see, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.extensions import db
from app.models import Conversation, ConversationMember, Message, User
from app.queries import visibility

SIDE = ConversationMember
TOGETHER = 100  # conversations that are looked up at once


@dataclass(frozen=True)
class Taken:
    """One conversation, the side of who takes it along, and the (id, username) of everybody who is in it."""

    conversation: Conversation
    side: ConversationMember
    people: Sequence[tuple[int, str]]

    @property
    def has_left(self) -> bool:
        """Whether its person has left the group."""
        return self.side.state == "left"


def message_count(owner_id: int) -> int:
    """How many messages a person can see."""
    shown = select(func.count()).select_from(SIDE).join(Message, visibility.message_is_shown(SIDE))
    return db.session.scalar(shown.where(SIDE.user_id == owner_id)) or 0


def newest_message_id(owner_id: int) -> int:
    """The id of the newest message that a person can see; 0 when there is none."""
    return db.session.scalar(select(func.max(SIDE.newest_message_id)).where(SIDE.user_id == owner_id)) or 0


def conversations(owner_id: int) -> Iterator[Taken]:
    """A person's conversations that hold anything, in the order of their ids."""
    after = 0
    while True:
        query = (
            select(Conversation, SIDE)
            .join(SIDE, SIDE.conversation_id == Conversation.id)
            .where(SIDE.user_id == owner_id, or_(SIDE.newest_message_id > 0, SIDE.draft != ""))
            .where(Conversation.id > after)
            .order_by(Conversation.id)
            .limit(TOGETHER)
        )
        rows = db.session.execute(query).all()
        people = _people([conversation.id for conversation, _side in rows])
        for conversation, side in rows:
            yield Taken(conversation, side, people.get(conversation.id, []))
        if len(rows) < TOGETHER:
            return
        after = rows[-1][0].id


def messages(side: ConversationMember, newest: int, size: int) -> Iterator[Sequence[Message]]:
    """What the person of this side can see, up to message id `newest`, oldest first, `size` at a time."""
    after = side.joined_seq
    here = (SIDE.conversation_id == side.conversation_id, SIDE.user_id == side.user_id)
    while True:
        query = (
            select(Message)
            .join(SIDE, visibility.message_is_shown(SIDE))
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
        select(SIDE.conversation_id, User.id, User.username)
        .join(User, User.id == SIDE.user_id)
        .where(SIDE.conversation_id.in_(conversation_ids), SIDE.state != "left")
        .order_by(User.id)
    )
    people: dict[int, list[tuple[int, str]]] = {}
    for conversation_id, user_id, username in db.session.execute(query):
        people.setdefault(conversation_id, []).append((user_id, username))
    return people
