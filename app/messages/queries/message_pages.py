"""Load the messages of a conversation for a viewer, a page at a time.

Access control: a viewer can load only messages that they can see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import joinedload

from app.core.database import shared_alias
from app.extensions import db
from app.messages.queries.conversations import ConversationView, by_id
from app.models import ConversationMember, Message, User
from app.queries import visibility

CONTEXT = 5  # messages shown above the first unread one, for context
WINDOW = 200  # maximum number of messages on a page
PAGE_SIZE = 100  # new messages per request of an open page; also in static/js/messages/conversation.js
_mine = shared_alias(ConversationMember)  # created once, because creating an alias is slow


@dataclass(frozen=True)
class Thread:
    """A part of a conversation, oldest message first."""

    opened: ConversationView
    messages: Sequence[Message]
    older: int | None = None  # the `before` that loads the preceding messages; None if there are none
    changed: Sequence[Message] = ()  # messages that an open page shows and that were edited, deleted or unsent
    at_end: bool = True  # whether the newest message is included

    @property
    def read_seq(self) -> int:
        """The viewer's read position at the time of the query."""
        return self.opened.read_seq

    @property
    def newest_seq(self) -> int:
        """The sequence number of the conversation's newest message."""
        return self.opened.newest_seq


def newest(opened: ConversationView, *, before: int | None = None, size: int = 40) -> Thread:
    """Return a page of messages. Without `before`, this is the page that a conversation opens with. Runs one query.

    With `before`, the page contains the last `size` messages before that sequence number. Without `before`, the page
    contains the newest messages, and starts at the first unread message or earlier. If these are more than WINDOW
    messages, the page contains the oldest WINDOW of them. So no unread message is skipped: each member has a single
    read position, and a skipped message would be marked as read.
    """
    if opened.mine is None:
        return Thread(opened, [])
    if before is None:
        first = max(opened.mine.joined_seq + 1, min(opened.newest_seq - size + 1, opened.read_seq + 1 - CONTEXT))
        query = shown(opened.mine).where(Message.seq >= first).order_by(Message.seq).limit(WINDOW)
        messages = list(db.session.scalars(query).unique())
    else:
        query = shown(opened.mine).where(Message.seq < before).order_by(Message.seq.desc()).limit(size)
        messages = list(reversed(db.session.scalars(query).unique().all()))
    older = messages[0].seq if messages and messages[0].seq > opened.mine.joined_seq + 1 else None
    return Thread(opened, messages, older, at_end=before is None and len(messages) < WINDOW)


def since(opened: ConversationView, seq: int, revision: int, *, first: int = 0, size: int = PAGE_SIZE) -> Thread:
    """Return what an open page does not show yet: up to `size` messages after `seq`, and changed messages.

    Changed messages are those from sequence number `first` to `seq` that changed after `revision`. Unsent messages are
    included, so that the page can remove them.
    """
    mine, conversation = opened.mine, opened.conversation
    if mine is None or conversation is None:
        return Thread(opened, [])
    messages = db.session.scalars(shown(mine).where(Message.seq > seq).order_by(Message.seq).limit(size)).unique().all()
    changed: Sequence[Message] = []
    if conversation.revision > revision:
        before = shown(mine, gone=True).where(Message.revision > revision, Message.seq >= first, Message.seq <= seq)
        changed = db.session.scalars(before.order_by(Message.seq)).unique().all()
    return Thread(opened, messages, changed=changed)


def shown(mine: ConversationMember, *, gone: bool = False) -> Select[Message]:
    """Select the messages that this member can see, with senders and images.

    With `gone`, also select unsent messages.
    """
    this = and_(_mine.conversation_id == mine.conversation_id, _mine.user_id == mine.user_id)
    visible = visibility.message_is_shown(_mine)
    if gone:
        visible = or_(visible, and_(Message.conversation_id == mine.conversation_id, Message.kind == "undone"))
    return (
        select(Message)
        .join(_mine, this)
        .where(Message.conversation_id == mine.conversation_id, visible)
        .options(joinedload(Message.sender), joinedload(Message.images))
    )


def message(viewer: User, conversation_id: int, seq: int) -> Message | None:
    """Return the message with this sequence number, or None if the viewer can't see it."""
    opened = by_id(viewer, conversation_id)
    if opened is None or opened.mine is None:
        return None
    return db.session.scalars(shown(opened.mine).where(Message.seq == seq)).unique().one_or_none()
