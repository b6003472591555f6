"""Who in a group has read what one wrote oneself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.extensions import db
from app.messages.queries.threads import ConversationView, shown
from app.models import Message, User

SCAN_LIMIT = 3  # of one's own newest messages


@dataclass(frozen=True)
class ReadBy:
    """One message of the viewer's, and who has been shown it. Only people who show what they read are told of."""

    message: Message
    readers: Sequence[User]


def of_own(opened: ConversationView) -> list[ReadBy]:
    """The viewer's newest messages in a group, newest first; none unless they show what they read themselves.

    One query. Who has not accepted the group tells nothing of it.
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
        and user.id not in opened.apart
        and membership
        and membership.state == "accepted"
        and membership.joined_seq < seq <= membership.read_seq
    ]
