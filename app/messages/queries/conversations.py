"""Load a conversation for a viewer.

Access control: a viewer can load only conversations of which they are a member.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Integer, Select, String, and_, bindparam, case, cast, exists, literal, or_, select
from sqlalchemy.orm import load_only

from app.core.database import built_once, shared_alias
from app.extensions import db
from app.lib.text.names import username_key
from app.messages import permission
from app.messages.permission import Relationship
from app.models import Conversation, ConversationMember, MemberState, User
from app.queries import relations, visibility
from app.queries.relations import Relation

Q = TypeVar("Q")
ACTIVE_STATES = (
    MemberState.NEW,
    MemberState.ACCEPTED,
    MemberState.REQUEST,
    MemberState.DECLINED,
)  # states of members who may see the conversation
# Created once, because creating an alias is slow.
_VIEWER_ID = bindparam("viewer_id", type_=Integer)
_mine, _theirs = shared_alias(ConversationMember), shared_alias(ConversationMember)


@dataclass(frozen=True)
class ConversationView:
    """A conversation as one of its members sees it."""

    viewer: User
    conversation: Conversation | None  # None if the two users have never written to each other
    mine: ConversationMember | None
    others: Sequence[tuple[User, ConversationMember | None]]  # the other current members
    relationship: Relationship | None = (
        None  # only between two people: the facts that decide whether the viewer may write
    )
    relation: Relation | None = None  # only between two people: the mutes and blocks between them
    folded: Set[int] = frozenset()  # in a group: users whom the viewer blocks; their messages are collapsed
    separated: Set[int] = (
        frozenset()
    )  # users whom a block in either direction separates from the viewer; they get no read receipts from each other

    @property
    def is_group(self) -> bool:
        """Whether the conversation is a group. A group remains a group when only two members are left."""
        return self.conversation is not None and self.conversation.is_group

    @property
    def other(self) -> User | None:
        """The other user of a two-person conversation; None for a group or a deleted account."""
        return self.others[0][0] if self.others and not self.is_group else None

    @property
    def key(self) -> dict[str, str | int]:
        """The parameters of the conversation's URL: the other user's username, or else the conversation's id."""
        if self.other is not None:
            return {"username": self.other.username}
        return {"conversation_id": self.conversation.id if self.conversation else 0}

    @property
    def read_seq(self) -> int:
        """The viewer's read position: the viewer has read all messages up to this sequence number."""
        return self.mine.read_seq if self.mine else 0

    @property
    def newest_seq(self) -> int:
        """The sequence number of the newest message, or 0 if there are no messages."""
        return self.conversation.newest_seq if self.conversation else 0


def pair_key(one: User, other: User) -> str:
    """Return the `Conversation.pair_key` of two users. Their conversation is found by this key."""
    low, high = sorted([one.id, other.id])
    return f"{low}:{high}"


def pair_key_with(viewer: User) -> ColumnElement[str]:
    """Return an SQL expression for the `pair_key` of the viewer and the user in a row of a query for User."""
    return _pair_key_with(literal(viewer.id), literal(str(viewer.id)))


def _pair_key_with(viewer_id: ColumnElement[int], viewer_text: ColumnElement[str]) -> ColumnElement[str]:
    other = cast(User.id, String)
    return case((User.id < viewer_id, other + ":" + viewer_text), else_=viewer_text + ":" + other)


def between(viewer: User, other: User) -> Conversation | None:
    """Return the conversation of two users, or None if there is none."""
    return db.session.scalar(select(Conversation).where(Conversation.pair_key == pair_key(viewer, other)))


def with_person(viewer: User, username: str, *, found: User | None = None) -> ConversationView | None:
    """Return the viewer's conversation with a user. Return None if the user doesn't exist or is the viewer.

    If the two users have never written to each other, `conversation` in the result is None. An inactive account is
    found only by users who have exchanged messages with it. `found` is the user that `person` has returned before in
    the same request. They are found again, even if they were suspended meanwhile. Runs one query.
    """
    row = db.session.execute(_with_person(), _person_parameters(viewer, username, found)).first()
    if row is None:
        return None
    number = len(dataclasses.fields(Relationship)) - 1  # all facts except the last one, the state
    other, conversation, my_membership, their_membership = row[:4]
    facts = [*row[4 : 4 + number], getattr(their_membership, "state", None)]
    relationship = Relationship(*facts)
    separated = frozenset({other.id} if relationship.blocked else ())
    return ConversationView(
        viewer,
        conversation,
        my_membership,
        [(other, their_membership)],
        relationship,
        Relation(*row[4 + number :]),
        separated=separated,
    )


def person(viewer: User, username: str) -> User | None:
    """Return the user whose conversation `with_person` returns, with only the id and the username loaded."""
    return db.session.scalars(_person(), _person_parameters(viewer, username)).first()


def _person_parameters(viewer: User, username: str, found: User | None = None) -> dict[str, Any]:
    return {
        "viewer_id": viewer.id,
        "viewer_text": str(viewer.id),
        "username_key": username_key(username),
        "found_id": found.id if found else 0,
    }


@built_once
def _person() -> Select[User]:
    return _found(select(User).options(load_only(User.username)))


@built_once
def _with_person() -> Select[Any]:
    # Built once, because every page and most actions of a conversation run this query.
    facts = (*permission.columns(_VIEWER_ID, User), *relations.columns(_VIEWER_ID, User.id))
    query = _found(select(User, Conversation, _mine, _theirs, *facts))
    return query.outerjoin(_theirs, and_(_theirs.conversation_id == Conversation.id, _theirs.user_id == User.id))


def _found(query: Select[Q]) -> Select[Q]:
    """Restrict a query of User to the user with the given username, if the viewer may open the conversation."""
    pair = Conversation.pair_key == _pair_key_with(_VIEWER_ID, bindparam("viewer_text", type_=String))
    return (
        query.outerjoin(Conversation, pair)
        .outerjoin(_mine, and_(_mine.conversation_id == Conversation.id, _mine.user_id == _VIEWER_ID))
        .where(
            User.username_key == bindparam("username_key"),
            User.id != _VIEWER_ID,
            or_(User.active, _mine.newest_message_id > 0, User.id == bindparam("found_id", type_=Integer)),
        )
    )


def by_id(viewer: User, conversation_id: int) -> ConversationView | None:
    """Return the conversation with this id. Return None if the viewer is not a current member. Runs one query.

    The fields `relationship` and `relation` of the result are None. This function is for groups, and for conversations
    in which the other account was deleted.
    """
    here = _mine.conversation_id == conversation_id
    inside = exists().where(here, _mine.user_id == viewer.id, _mine.state.in_(ACTIVE_STATES))
    blocks = visibility.is_blocking(viewer.id, User.id), visibility.blocked_between(viewer.id, User.id)
    query = (
        select(Conversation, ConversationMember, User, *blocks)
        .join(ConversationMember, ConversationMember.conversation_id == Conversation.id)
        .join(User, User.id == ConversationMember.user_id)
        .where(Conversation.id == conversation_id, inside)
        .order_by(User.id)
    )
    rows = db.session.execute(query).all()
    if not rows:
        return None
    conversation = rows[0][0]
    # Former members are loaded too, because their messages are still shown.
    blocked = frozenset(user.id for _conversation, _membership, user, is_blocked, _is_apart in rows if is_blocked)
    separated = frozenset(
        user.id
        for _conversation, _membership, user, _is_blocked, is_blocked_either_way in rows
        if is_blocked_either_way
    )
    memberships = {
        user.id: (user, membership)
        for _conversation, membership, user, *_blocks in rows
        if membership.state in ACTIVE_STATES
    }
    _viewer, my_membership = memberships.pop(viewer.id)
    folded = blocked if conversation.is_group else frozenset()
    return ConversationView(
        viewer, conversation, my_membership, list(memberships.values()), folded=folded, separated=separated
    )
