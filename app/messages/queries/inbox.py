"""The list of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.models import Conversation, ConversationMember, Message, User
from app.queries import unread

FACES = 3  # people of a group whose pictures stand in its row


@dataclass(frozen=True)
class InboxRow:
    """One conversation in the list."""

    conversation: Conversation
    mine: ConversationMember
    newest: Message  # with its sender and pictures
    unread: int
    others: Sequence[User]

    @property
    def other(self) -> User | None:
        """Between two: the other one; None for a group, and when their account is deleted."""
        return self.others[0] if self.others and self.conversation.pair_key else None


def page(viewer: User, before: int | None, size: int, *, state: str = "accepted") -> tuple[list[InboxRow], int | None]:
    """A page of the viewer's conversations in this state, by latest message, and the `before` of the next page.

    Two queries, whatever the size.
    """
    mine = ConversationMember
    query = (
        select(Conversation, mine, Message, unread.message_count_in(mine))
        .select_from(mine)
        .join(Conversation, Conversation.id == mine.conversation_id)
        .join(Message, Message.id == mine.newest_message_id)
        .where(mine.user_id == viewer.id, mine.state == state, mine.newest_message_id > 0)
        .order_by(mine.newest_message_id.desc())
        .limit(size + 1)
        .options(joinedload(Message.sender), joinedload(Message.images))
    )
    if before is not None:
        query = query.where(mine.newest_message_id < before)
    found = db.session.execute(query).unique().all()
    people = _others(viewer, [conversation.id for conversation, *_ in found])
    rows = [InboxRow(*row, people.get(row[0].id, [])) for row in found]
    return rows[:size], rows[size - 1].newest.id if len(rows) > size else None


def _others(viewer: User, conversation_ids: Sequence[int]) -> dict[int, list[User]]:
    """Who else is in each of these conversations."""
    side = ConversationMember
    query = (
        select(side.conversation_id, User)
        .join(User, User.id == side.user_id)
        .where(side.conversation_id.in_(conversation_ids), side.user_id != viewer.id, side.state != "left")
        .order_by(User.id)
    )
    people: dict[int, list[User]] = {}
    for conversation_id, user in db.session.execute(query):
        people.setdefault(conversation_id, []).append(user)
    return people
