"""Export a user's conversations: the messages that the user can see, and the user's drafts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app import mailer
from app.core.database import end_read_transaction
from app.core.exports import Part, Piece, register, to_json
from app.messages.queries import export as queries
from app.messages.queries.export import ExportedConversation
from app.models import Message

BATCH = 500  # maximum number of messages in memory


def pieces(owner_id: int) -> Iterator[Piece]:
    """Yield the user's conversations as pieces of one JSON list.

    The conversations, and the messages in each conversation, are in the order in which they were created.
    """
    newest = queries.newest_message_id(owner_id)
    between = b"\n"
    yield Piece(b"[")
    for taken in queries.conversations(owner_id):
        end_read_transaction()
        yield Piece(between + to_json(_head(taken))[:-1] + b', "messages": [')
        between = b",\n"
        yield from _messages(taken, newest)
        yield Piece(b"]}")
    yield Piece(b"\n]")


def _messages(taken: ExportedConversation, newest: int) -> Iterator[Piece]:
    between = b"\n"
    for batch in queries.messages(taken.membership, newest, BATCH):
        yield Piece(between + b",\n".join(to_json(_message(message)) for message in batch), len(batch))
        between = b",\n"


def _head(taken: ExportedConversation) -> dict[str, Any]:
    """Return the exported fields of a conversation, without its messages.

    If the user whose data is exported has left a group, the group's name and members are left out.
    """
    if not taken.conversation.is_group:
        others = [name for user_id, name in taken.people if user_id != taken.membership.user_id]
        which: dict[str, Any] = {"with": others[0] if others else None}
    else:
        which = {"group": "" if taken.has_left else taken.conversation.name, "left": taken.has_left}
    people: Sequence[str] = [] if taken.has_left else [name for _user_id, name in taken.people]
    return {**which, "people": people, "muted": taken.membership.muted, "draft": taken.membership.draft}


def _message(message: Message) -> dict[str, Any]:
    facts = {
        "id": message.id,
        "from": message.sender.username if message.sender else None,
        "body": message.body,
        "sent_at": message.created_at.isoformat(),
        "edited_at": message.edited_at.isoformat() if message.edited_at else None,
        "deleted": message.deleted_at is not None,
        "images": [
            {"alt": image.alt, "url": mailer.site_url("messages.picture", image_id=image.id)}
            for image in ([] if message.deleted_at else message.images)
        ],
    }
    return facts if message.kind == "text" else {**facts, "event": message.kind, **message.args}


register(Part("conversations", pieces, queries.message_count, things="messages"))
