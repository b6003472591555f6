"""The messages in notification emails: unread messages that were not in an earlier email."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Select, Update, bindparam, func, select, update
from sqlalchemy.orm import joinedload

from app.core.database import built_once
from app.core.i18n import Lazy
from app.core.titles import listed_names
from app.extensions import db
from app.messages.notifications import KIND
from app.models import Conversation, ConversationMember, Message, User
from app.notifications import scheduling
from app.notifications.scheduling import EmailSection, PendingBatch
from app.queries import members, unread

QUOTED = 3  # maximum number of messages per conversation that an email quotes; it also shows the total number


@dataclass(frozen=True)
class Unmailed:
    """The unread messages of one conversation that were not in an earlier email."""

    conversation: Conversation
    count: int
    newest: list[Message]  # the last QUOTED of them, oldest first, with senders and images


def unmailed(recipient_id: int) -> list[Unmailed]:
    """Return a user's unread messages that were not in an earlier email, grouped by conversation.

    The conversation with the latest message comes first.
    """
    conversations: dict[int, Unmailed] = {}
    for message, conversation, count in db.session.execute(_unmailed(), {"recipient_id": recipient_id}).unique():
        one = conversations.setdefault(conversation.id, Unmailed(conversation, count, []))
        one.newest.insert(0, message)
    return list(conversations.values())


@built_once
def _unmailed() -> Select[Message, Conversation, int]:
    within = Message.conversation_id
    told = unread.messages(bindparam("recipient_id")).where(Message.seq > ConversationMember.mailed_seq)
    place = func.row_number().over(partition_by=within, order_by=Message.seq.desc())
    found = told.with_only_columns(
        Message.id, place.label("place"), func.count().over(partition_by=within).label("count")
    ).subquery()
    return (
        select(Message, Conversation, found.c.count)
        .join(found, found.c.id == Message.id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(found.c.place <= QUOTED)
        .options(joinedload(Message.sender), joinedload(Message.images))
        .order_by(Message.id.desc())
    )


@scheduling.register_provider
def pending_messages(user_id: int, kinds: Collection[str]) -> Sequence[PendingBatch]:
    """Return the unread messages to email to a user, as one batch with a section for each conversation.

    Return an empty list if there are no such messages, or if `kinds` does not include messages.
    """
    found = unmailed(user_id) if KIND in kinds else []
    if not found:
        return []
    people = members.others_in_nameless(user_id, [one.conversation for one in found])
    parts = [_part(one, people.get(one.conversation.id, ())) for one in found]
    newest = {one.conversation.id: one.newest[-1].seq for one in found}
    return [PendingBatch(KIND, sum(one.count for one in found), parts, lambda: _mark(user_id, newest))]


def _part(one: Unmailed, people: Sequence[User]) -> EmailSection:
    facts = _facts(one, people)
    place = ("messages.conversation", facts["where"])
    return EmailSection("new_message", facts, one.count, place, thread=f"conversation.{one.conversation.id}")


def _facts(one: Unmailed, people: Sequence[User]) -> dict[str, Any]:
    sender = one.newest[-1].sender  # never None: messages of deleted accounts aren't unread
    conversation = one.conversation
    where: dict[str, object] = {"conversation_id": conversation.id}
    if not conversation.is_group and sender is not None:
        where = {"username": sender.username}
    # A sentence about one message names its sender, so the list of the other people doesn't.
    names = [user.display_name for user in people if one.count > 1 or user is not sender]
    return {
        "sender": sender,
        "group": conversation.name if conversation.is_group else "",
        "others": Lazy(listed_names, names) if names else None,  # lazy: translated to the language of the email
        "in_group": conversation.is_group,
        "where": where,
        "messages": one.newest,
        "count": one.count,
    }


def _mark(user_id: int, newest: Mapping[int, int]) -> None:
    """Mark the user's messages as emailed.

    `newest` maps the id of each conversation to the sequence number of the newest message in the email.
    """
    for conversation_id, seq in sorted(newest.items()):
        this = {"conversation": conversation_id, "user": user_id, "newest": seq}
        db.session.execute(_mark_member(), this)


@built_once
def _mark_member() -> Update:
    member = ConversationMember
    newest: BindParameter[Any] = bindparam("newest")
    this = (member.conversation_id == bindparam("conversation"), member.user_id == bindparam("user"))
    stmt = update(member).where(*this, member.mailed_seq < newest).values(mailed_seq=newest)
    return stmt.execution_options(synchronize_session=False)
