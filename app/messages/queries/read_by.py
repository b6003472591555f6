"""Who in a group has read the viewer's messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.extensions import db
from app.messages.queries.conversations import ConversationView
from app.messages.queries.message_pages import shown
from app.models import MemberState, Message, User

SCAN_LIMIT = 3  # number of the viewer's newest messages that are shown with their readers


@dataclass(frozen=True)
class ReadBy:
    """One of the viewer's messages, and the members who read it and share read receipts."""

    message: Message
    readers: Sequence[User]


def of_own_messages(opened: ConversationView) -> list[ReadBy]:
    """Return the viewer's newest messages in a group, each with its readers, newest first. Runs one query.

    A reader is listed only if they share read receipts, have accepted the group, and are not separated from the viewer
    by a block. Return an empty list if the viewer doesn't share read receipts.
    """
    if opened.mine is None or not opened.viewer.receipts:
        return []
    own = (Message.sender_id == opened.viewer.id, Message.kind == "text", Message.deleted_at.is_(None))
    query = shown(opened.mine).where(*own).order_by(Message.seq.desc()).limit(SCAN_LIMIT)
    return [ReadBy(message, _readers(opened, message.seq)) for message in db.session.scalars(query).unique()]


def _readers(opened: ConversationView, seq: int) -> list[User]:
    return [
        user
        for user, membership in opened.others
        if user.receipts
        and user.id not in opened.separated
        and membership
        and membership.state == MemberState.ACCEPTED
        and membership.joined_seq < seq <= membership.read_seq
    ]
