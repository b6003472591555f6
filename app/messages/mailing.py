"""What a mail tells of messages: the source of the kind "message" (app/notifications/scheduling.py)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import update

from app.core.i18n import Lazy
from app.core.titles import group_title
from app.extensions import db
from app.messages.queries import unmailed as waiting
from app.messages.queries.unmailed import Unmailed
from app.messages.telling import KIND
from app.models import ConversationMember
from app.notifications import scheduling
from app.notifications.scheduling import Part, Waiting
from app.queries import members


@scheduling.source
def unmailed(user_id: int, kinds: Collection[str]) -> Sequence[Waiting]:
    """The unread messages that no mail told about: a part for each conversation."""
    found = waiting.unmailed(user_id) if KIND in kinds else []
    if not found:
        return []
    names = members.names_in_nameless(user_id, [one.conversation for one in found])
    parts = [_part(one, names.get(one.conversation.id, ())) for one in found]
    return [Waiting(KIND, sum(one.count for one in found), parts, lambda: _mark(user_id, found))]


def _part(one: Unmailed, people: Sequence[str]) -> Part:
    facts = _facts(one, people)
    place = ("messages.conversation", facts["where"])
    return Part("new_message", facts, one.count, place, thread=f"conversation.{one.conversation.id}")


def _facts(one: Unmailed, people: Sequence[str]) -> dict[str, Any]:
    sender, group = one.newest[-1].sender, None  # nothing of a deleted account is unread
    where: dict[str, object] = {"conversation_id": one.conversation.id}
    if one.conversation.is_group:
        group = Lazy(group_title, one.conversation.name, people)  # in the language of the mail
    elif sender is not None:
        where = {"username": sender.username}
    return {"sender": sender, "group": group, "where": where, "messages": one.newest, "count": one.count}


def _mark(user_id: int, told: Sequence[Unmailed]) -> None:
    for one in sorted(told, key=lambda one: one.conversation.id):
        newest = one.newest[-1].seq
        member = update(ConversationMember).where(
            ConversationMember.conversation_id == one.conversation.id,
            ConversationMember.user_id == user_id,
            ConversationMember.mailed_seq < newest,
        )
        db.session.execute(member.values(mailed_seq=newest))
