"""Lock the rows of conversations and memberships until the commit, so that messages are numbered in commit order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from app.core.database import insert_into
from app.core.time import now
from app.extensions import db
from app.messages.queries.conversations import pair_key
from app.models import Conversation, ConversationMember, MemberState, User


def lock(conversation_id: int) -> Conversation:
    """Lock a conversation and its memberships, and return the refreshed conversation.

    Raises sqlalchemy.exc.NoResultFound if it no longer exists.
    """
    found: Conversation = db.session.scalars(
        _locked(select(Conversation).where(Conversation.id == conversation_id))
    ).one()
    lock_members(conversation_id)
    return found


def lock_pair(one: User, other: User) -> Conversation:
    """Lock and return the conversation of two users. If there is none, create it with two memberships, both "new"."""
    key = pair_key(one, other)
    found = _locked(select(Conversation).where(Conversation.pair_key == key))
    conversation: Conversation | None = db.session.scalar(found)
    if conversation is not None:
        lock_members(conversation.id)
        return conversation
    db.session.execute(_insert_once(Conversation, pair_key=key, newest_seq=0, started_by_id=one.id, started_at=now()))
    made: Conversation = db.session.scalars(found).one()
    for user_id in sorted([one.id, other.id]):
        db.session.execute(_insert_once(ConversationMember, **new_member(made.id, user_id)))
    return made


def lock_members(conversation_id: int) -> None:
    """Lock the memberships of a locked conversation, in the order of user ids.

    The conversation's lock is not enough: `mark_read` and `mark_delivered` lock a user's own memberships without it.
    The fixed order prevents deadlocks.
    """
    membership = ConversationMember
    these = select(membership.user_id).where(membership.conversation_id == conversation_id).order_by(membership.user_id)
    db.session.execute(these.with_for_update())


def new_member(conversation_id: int, user_id: int) -> dict[str, Any]:
    """Return the column values of a new membership in a conversation without messages."""
    numbers = {"newest_seq": 0, "newest_message_id": 0, "read_seq": 0, "mailed_seq": 0}
    return {"conversation_id": conversation_id, "user_id": user_id, "state": MemberState.NEW, **numbers}


def _locked(query: Select[Any]) -> Select[Any]:
    return query.with_for_update().execution_options(populate_existing=True)


def _insert_once(table: Any, **values: Any) -> Any:
    return insert_into(table).values(**values).on_conflict_do_nothing()
