"""The state of a conversation that polls return to the pages of its members."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import groupby
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_, select

from app.core.database import built_once, execute_core, shared_alias
from app.models import Conversation, ConversationMember, MemberState, User
from app.queries import visibility


def states_for(conversation_id: int, user_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the state of a conversation for each of these members, by user id. Runs one query.

    - `with`: the other user's username; "" for a group or if the other account was deleted
    - `group`: the conversation's id; only for a group or if the other account was deleted
    - `last_message_id`: the id of the newest message that the member can see
    - `revision`: the number of the conversation's latest change
    - `delivered`: the sequence number up to which the polls of all other members have fetched the messages
    - `read`: the sequence number up to which all other members have read the messages

    `delivered` and `read` are 0 unless all members share read receipts. They are also 0 for a former member of a group.
    """
    found = execute_core(_memberships(), {"conversation_id": conversation_id, "user_ids": list(user_ids)})
    return {user_id: _state(user_id, list(rows)) for user_id, rows in groupby(found, key=lambda row: row.reader_id)}


def _state(user_id: int, rows: Sequence[Any]) -> dict[str, Any]:
    mine = next(row for row in rows if row.id == user_id)
    others = [row for row in rows if row.id != user_id]
    seen = [(row, row) for row in others if mine.state != MemberState.LEFT]  # each row is a user and their membership
    delivered, read = receipts(mine, seen, {row.id for row in others if row.is_apart})
    state = {
        "with": others[0].username if others and mine.pair_key else "",
        "last_message_id": mine.newest_message_id,
        "revision": mine.revision,
        "delivered": delivered,
        "read": read,
    }
    return state if mine.pair_key and others else {**state, "group": mine.conversation_id}


_reader = shared_alias(ConversationMember)  # created once, because creating an alias is slow


@built_once
def _memberships() -> Select[*tuple[Any, ...]]:
    # Built once, because it runs for each message, while the members' clocks are locked. It returns a row for each pair
    # of a reader (a user in user_ids) and a member.
    membership = ConversationMember
    here = membership.conversation_id == _reader.conversation_id
    return (
        select(
            _reader.user_id.label("reader_id"),
            Conversation.pair_key,
            Conversation.revision,
            membership.conversation_id,
            membership.state,
            membership.newest_message_id,
            membership.delivered_seq,
            membership.read_seq,
            User.id,
            User.username,
            User.receipts,
            visibility.blocked_between(_reader.user_id, User.id).label("is_apart"),
        )
        .select_from(_reader)
        .join(Conversation, Conversation.id == _reader.conversation_id)
        .join(membership, and_(here, or_(membership.state != MemberState.LEFT, membership.user_id == _reader.user_id)))
        .join(User, User.id == membership.user_id)
        .where(
            _reader.conversation_id == bindparam("conversation_id"),
            _reader.user_id.in_(bindparam("user_ids", expanding=True)),
        )
        .order_by(_reader.user_id, User.id)
    )


def receipts(viewer: Any, others: Sequence[tuple[Any, Any]], separated: Set[int]) -> tuple[int, int]:
    """Return two sequence numbers (delivered, read).

    All other members have fetched the messages up to `delivered`, and have read the messages up to `read`.

    `others` are pairs of a user and a membership, which may be None. Instead of these models, rows with the same
    attributes can be passed.

    Return (0, 0) unless the viewer and all other members share read receipts. A member who has not accepted the
    conversation doesn't share them with the viewer. Neither does a member whom a block separates from the viewer;
    `separated` contains the ids of these members.
    """
    told = [(user, membership) for user, membership in others if user.receipts and user.id not in separated]
    memberships = [
        membership for _user, membership in told if membership is not None and membership.state == MemberState.ACCEPTED
    ]
    if not viewer.receipts or not memberships or len(memberships) < len(others):
        return 0, 0
    read = min(membership.read_seq for membership in memberships)
    return max(read, min(max(membership.delivered_seq, membership.read_seq) for membership in memberships)), read
