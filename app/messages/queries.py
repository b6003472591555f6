"""What only this feature reads: the inbox and the thread. One gate: a conversation is found by its two people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import aliased, joinedload

from app.extensions import db
from app.models import Conversation, ConversationMember, Message, User
from app.queries import unread

CONTEXT = 5  # messages above the first unread one, so that it can be understood
WINDOW = 200  # messages on one page at most
AT_ONCE = 100  # messages an open thread is given at once; static/js/conversation.js knows the number too
QUOTED = 3  # messages of one conversation in one mail at most; it tells the number of all


@dataclass(frozen=True)
class InboxRow:
    """One conversation in the inbox."""

    other: User
    newest: Message
    unread: int


@dataclass(frozen=True)
class Unmailed:
    """What a mail tells of one conversation: how many messages wait, and the newest of them, oldest first."""

    conversation_id: int
    count: int
    newest: list[Message]


@dataclass(frozen=True)
class Thread:
    """A piece of a conversation, oldest message first."""

    conversation: Conversation | None
    messages: Sequence[Message]
    older: int | None  # the `before` of the piece above
    read_seq: int  # what the viewer had read when this was asked
    newest_seq: int


def between(viewer: User, other: User) -> Conversation | None:
    """The conversation of two people, if they ever wrote."""
    low, high = sorted([viewer.id, other.id])
    return db.session.scalar(select(Conversation).where(Conversation.pair_key == f"{low}:{high}"))


def inbox(viewer: User, before: int | None, size: int) -> tuple[list[InboxRow], int | None]:
    """A page of the viewer's conversations by latest message, and the `before` of the next page. One query."""
    mine, theirs = aliased(ConversationMember), aliased(ConversationMember)
    newest = aliased(Message)
    query = (
        select(User, newest, unread.message_count_in(mine))
        .select_from(mine)
        .join(theirs, and_(theirs.conversation_id == mine.conversation_id, theirs.user_id != viewer.id))
        .join(User, User.id == theirs.user_id)
        .join(newest, newest.id == mine.newest_message_id)
        .where(mine.user_id == viewer.id, mine.newest_message_id > 0)
        .order_by(mine.newest_message_id.desc())
        .limit(size + 1)
    )
    if before is not None:
        query = query.where(mine.newest_message_id < before)
    rows = [InboxRow(*row) for row in db.session.execute(query)]
    return rows[:size], rows[size - 1].newest.id if len(rows) > size else None


def thread(viewer: User, other: User, *, before: int | None = None, size: int = 40) -> Thread:
    """The newest messages between two people, or the `size` before number `before`.

    What is unread begins on the page: reading moves one mark forward, so a page that jumped over unread messages would
    make them read unseen. Of very many, the first WINDOW are shown, and the rest when these are read.
    """
    conversation = between(viewer, other)
    if conversation is None:
        return Thread(None, [], None, 0, 0)
    read_seq = _read_seq(conversation, viewer)
    if before is None:
        first = max(1, min(conversation.newest_seq - size + 1, read_seq + 1 - CONTEXT))
        query = _messages(conversation).where(Message.seq >= first).order_by(Message.seq).limit(WINDOW)
        messages = list(db.session.scalars(query))
    else:
        query = _messages(conversation).where(Message.seq < before).order_by(Message.seq.desc()).limit(size)
        messages = list(reversed(db.session.scalars(query).all()))
    older = messages[0].seq if messages and messages[0].seq > 1 else None
    return Thread(conversation, messages, older, read_seq, conversation.newest_seq)


def after(viewer: User, other: User, seq: int, size: int = AT_ONCE) -> Thread:
    """Up to `size` messages after number `seq`: what a page that is open does not show yet."""
    conversation = between(viewer, other)
    if conversation is None:
        return Thread(None, [], None, 0, 0)
    query = _messages(conversation).where(Message.seq > seq).order_by(Message.seq).limit(size)
    messages = db.session.scalars(query).all()
    return Thread(conversation, messages, None, seq, conversation.newest_seq)


def unmailed(recipient_id: int) -> list[Unmailed]:
    """The unread messages that no mail has told a person about; the conversation that spoke last comes first."""
    within = Message.conversation_id
    told = unread.messages(recipient_id).where(Message.seq > ConversationMember.mailed_seq)
    place = func.row_number().over(partition_by=within, order_by=Message.seq.desc())
    found = told.with_only_columns(
        Message.id, place.label("place"), func.count().over(partition_by=within).label("count")
    ).subquery()
    query = (
        select(Message, found.c.count)
        .join(found, found.c.id == Message.id)
        .where(found.c.place <= QUOTED)
        .options(joinedload(Message.sender))
        .order_by(Message.id.desc())
    )
    conversations: dict[int, Unmailed] = {}
    for message, count in db.session.execute(query):
        one = conversations.setdefault(message.conversation_id, Unmailed(message.conversation_id, count, []))
        one.newest.insert(0, message)
    return list(conversations.values())


def _messages(conversation: Conversation) -> Select[Message]:
    return select(Message).where(Message.conversation_id == conversation.id)


def _read_seq(conversation: Conversation, viewer: User) -> int:
    found = db.session.scalar(
        select(ConversationMember.read_seq).where(
            ConversationMember.conversation_id == conversation.id, ConversationMember.user_id == viewer.id
        )
    )
    return found or 0
