"""Lock the rows of conversations and memberships until the commit, so that messages are numbered in commit order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from app.core.database import built_once, insert_into
from app.core.time import now
from app.extensions import db
from app.messages.queries.conversations import pair_key
from app.models import Conversation, ConversationMember, MemberState, User

Members = Mapping[int, ConversationMember]  # the memberships of a conversation by user id, including former members


def lock(conversation_id: int) -> Conversation:
    """Lock a conversation and its memberships. Return the conversation, reloaded from the database.

    Raises sqlalchemy.exc.NoResultFound if the conversation doesn't exist.
    """
    return lock_with_members(conversation_id)[0]


def lock_with_members(conversation_id: int) -> tuple[Conversation, Members]:
    """Lock a conversation and its memberships. Return both, reloaded from the database.

    Raises sqlalchemy.exc.NoResultFound if the conversation doesn't exist.
    """
    conversation = db.session.scalars(_conversation(), {"conversation_id": conversation_id}).one()
    return conversation, lock_members(conversation_id)


def lock_pair(one: User, other: User) -> Conversation:
    """Lock the conversation of two users and its memberships. Return the conversation, reloaded from the database.

    If there is no conversation, create one. Both memberships then have the state "new".
    """
    return lock_pair_with_members(one, other)[0]


def lock_pair_with_members(one: User, other: User) -> tuple[Conversation, Members]:
    """Lock the conversation of two users and its memberships. Return both, reloaded from the database.

    If there is no conversation, create one. Both memberships then have the state "new".
    """
    key = {"pair_key": pair_key(one, other)}
    rows = db.session.execute(_pair(), key).all()
    if not rows:
        db.session.execute(_insert_once(Conversation, **key, newest_seq=0, started_by_id=one.id, started_at=now()))
        created = db.session.scalars(_conversation_of_pair(), key).one()
        for user_id in sorted([one.id, other.id]):
            db.session.execute(_insert_once(ConversationMember, **new_member(created.id, user_id)))
        rows = db.session.execute(_pair(), key).all()
    return rows[0][0], {membership.user_id: membership for _conversation, membership in rows}


def lock_members(conversation_id: int) -> Members:
    """Lock the memberships of a conversation. Return them by user id, reloaded from the database.

    The caller must have locked the conversation. That lock alone is not enough, because `mark_read` and
    `mark_delivered` change memberships without locking the conversation. The memberships are locked in the order of
    user ids, to prevent deadlocks.
    """
    found = db.session.scalars(_members(), {"conversation_id": conversation_id})
    return {membership.user_id: membership for membership in found}


def new_member(conversation_id: int, user_id: int) -> dict[str, Any]:
    """Return the column values of a new membership in a conversation without messages."""
    numbers = {"newest_seq": 0, "newest_message_id": 0, "read_seq": 0, "mailed_seq": 0}
    return {"conversation_id": conversation_id, "user_id": user_id, "state": MemberState.NEW, **numbers}


@built_once
def _conversation() -> Any:
    return _locked(select(Conversation).where(Conversation.id == bindparam("conversation_id")))


@built_once
def _conversation_of_pair() -> Any:
    return _locked(select(Conversation).where(Conversation.pair_key == bindparam("pair_key")))


@built_once
def _pair() -> Any:
    """Select the conversation of two users with each of its memberships.

    One statement is enough, because the memberships are created together with the conversation, and stay. It locks the
    conversation with the first membership, so before all others.
    """
    both = select(Conversation, ConversationMember).join(
        ConversationMember, ConversationMember.conversation_id == Conversation.id
    )
    return _locked(both.where(Conversation.pair_key == bindparam("pair_key")).order_by(ConversationMember.user_id))


@built_once
def _members() -> Any:
    here = select(ConversationMember).where(ConversationMember.conversation_id == bindparam("conversation_id"))
    return _locked(here.order_by(ConversationMember.user_id))


def _locked(query: Any) -> Any:
    return query.with_for_update().execution_options(populate_existing=True)


def _insert_once(table: Any, **values: Any) -> Any:
    return insert_into(table).values(**values).on_conflict_do_nothing()
