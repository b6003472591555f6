"""Decide whether one user may write to another, and whether a message can still be unsent or edited.

Routes check the permission to write before they show the form, and actions check it again before they send. Once the
recipient has started or accepted the conversation, a message is refused only if one of the two blocks the other or the
recipient's account is inactive. Before that, the recipient's setting (`MessagePrivacy`) applies. If the recipient
doesn't follow the sender, the message becomes a message request, which the recipient must accept first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, Select, bindparam, exists, func, select

from app.core.database import built_once, execute_core, shared_alias
from app.core.exceptions import Sentence
from app.core.i18n import _l, isolated
from app.core.time import now
from app.models import ConversationMember, Follow, MemberState, Message, MessagePrivacy, User
from app.queries import visibility
from app.queries.follows import is_following

CANNOT_MESSAGE = _l("You can't message this person.")
ACCOUNT_DELETED = _l("This account has been deleted.")
# Created once, because creating an alias is slow.
_one, _two = shared_alias(Follow), shared_alias(Follow)


@dataclass(frozen=True)
class Relationship:
    """The facts that decide whether one user may write to another."""

    active: bool  # whether the other user's account is active
    privacy: str  # the other user's setting, a `MessagePrivacy`
    name: str  # the other user's display name
    follows: bool  # the other user follows the writer
    friend_of_friend: bool  # the other user follows someone who follows the writer
    blocked: bool  # in either direction
    state: str | None  # the other user's membership state in the conversation of the two; None if there is none


@dataclass(frozen=True)
class Decision:
    """Whether a user may write to another, and a sentence that explains the reason.

    `kind` is "allowed", "request" (the recipient must accept first) or "refused". `sentence` is "" if `kind` is
    "allowed".
    """

    kind: Literal["allowed", "request", "refused"]
    sentence: Sentence | str = ""


def columns(writer_id: Any, other: Any) -> tuple[ColumnElement[Any], ...]:
    """Return SQL expressions for the fields of Relationship, except `state`, in the same order.

    `writer_id` is an id or an SQL expression. `other` is User or an alias of User.
    """
    through = _one.followed_id == _two.follower_id
    friend_of_friend = exists().where(_one.follower_id == other.id, through, _two.followed_id == writer_id)
    return (
        other.active,
        other.message_privacy,
        func.coalesce(func.nullif(other.name, ""), other.username),
        is_following(other.id, writer_id),
        friend_of_friend,
        visibility.blocked_between(writer_id, other.id),
    )


def relationship(writer: User, other: User, conversation_id: int) -> Relationship:
    """Return the facts that decide whether `writer` may write to `other`, from the database.

    `conversation_id` is the id of their conversation, or 0 if they have none.
    """
    named = relationship_parameters(writer, other, conversation_id)
    return Relationship(*execute_core(_relationship_query(), named).one())


def relationship_parameters(writer: User, other: User, conversation_id: int) -> dict[str, int]:
    """Return the values of the parameters of `relationship_query`."""
    return {"writer_id": writer.id, "other_id": other.id, "conversation_id": conversation_id}


@built_once
def _relationship_query() -> Select[Any]:
    return relationship_query()


def relationship_query() -> Select[Any]:
    """Return a query that selects the fields of Relationship.

    The query has parameters for the ids of the users and of the conversation (`relationship_parameters`).
    """
    membership, other_id = ConversationMember, bindparam("other_id", type_=Integer)
    here = (membership.conversation_id == bindparam("conversation_id"), membership.user_id == other_id)
    state = select(membership.state).where(*here).scalar_subquery()
    return select(*columns(bindparam("writer_id"), User), state).where(User.id == other_id)


def decide(facts: Relationship) -> Decision:
    """Decide whether the writer may write to the other user."""
    if facts.blocked or not facts.active:
        return Decision("refused", CANNOT_MESSAGE)
    if facts.state == MemberState.ACCEPTED:
        return Decision("allowed")
    chosen, name = facts.privacy, isolated(facts.name)
    if chosen == MessagePrivacy.NOBODY:
        return Decision("refused", _l("%(name)s isn't accepting new messages.", name=name))
    if facts.follows:
        return Decision("allowed")
    if chosen == MessagePrivacy.FOLLOWING:
        return Decision("refused", _l("%(name)s only accepts messages from people they follow.", name=name))
    if chosen == MessagePrivacy.FRIENDS_OF_FRIENDS and not facts.friend_of_friend:
        return Decision(
            "refused",
            _l("%(name)s only accepts messages from people they follow and the people those people follow.", name=name),
        )
    return Decision("request", _l("%(name)s doesn't follow you, so this will be sent as a message request.", name=name))


UNDO_WINDOW = timedelta(seconds=10)
EDIT_WINDOW = timedelta(minutes=15)
NETWORK_GRACE = timedelta(seconds=5)  # added to both windows, for requests that were sent in time but arrive late


def can_undo(message: Message) -> bool:
    """Return whether the message is recent enough to be unsent."""
    return now() - message.created_at <= UNDO_WINDOW + NETWORK_GRACE


def can_edit(message: Message) -> bool:
    """Return whether the message is recent enough to be edited, or deleted for everyone."""
    return now() - message.created_at <= EDIT_WINDOW + NETWORK_GRACE
