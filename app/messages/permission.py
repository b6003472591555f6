"""May one write to another? Asked by the page before anything is written, and by the action again.

What the other person set (one of `relations.WRITABLE_BY`) holds for those who begin: a conversation that they have
accepted, or began themselves, goes on. A stranger, somebody they do not follow, begins with a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, Select, bindparam, exists, select
from sqlalchemy.orm import aliased

from app.core.clock import now
from app.core.errors import Sentence
from app.core.i18n import _l
from app.extensions import db
from app.models import ConversationMember, Follow, Message, User
from app.queries import visibility
from app.queries.follows import is_following

NO = _l("You can't message this person.")
GONE = _l("This account has been deleted.")
# As in visibility.py: an alias is made once.
_one, _two = aliased(Follow), aliased(Follow)


@dataclass(frozen=True)
class Relationship:
    """What decides whether one person may write to another."""

    other: User
    follows: bool  # the other one follows the writer
    knows: bool  # ... or follows somebody who does
    blocked: bool  # in either direction
    state: str | None  # of the other one's membership of their conversation; None = there is none


@dataclass(frozen=True)
class Decision:
    """ "open"; "request": it waits until the other one accepts; or "refused". With the sentence that says so, or ""."""

    kind: Literal["open", "request", "refused"]
    sentence: Sentence | str = ""


def columns(writer_id: Any, other: Any) -> tuple[ColumnElement[bool], ColumnElement[bool], ColumnElement[bool]]:
    """`follows`, `knows` and `blocked` of Terms, as part of another query; `other` is User or an alias of it."""
    through = _one.followed_id == _two.follower_id
    knows = exists().where(_one.follower_id == other.id, through, _two.followed_id == writer_id)
    return is_following(other.id, writer_id), knows, visibility.blocked_between(writer_id, other.id)


def relationship(writer: User, other: User, conversation_id: int) -> Relationship:
    """The terms as they are now, in a conversation that exists."""
    named = {"writer_id": writer.id, "other_id": other.id, "conversation_id": conversation_id}
    return Relationship(other, *db.session.execute(_terms(), named).one())


@cache
def _terms() -> Select[Any]:
    membership, other_id = ConversationMember, bindparam("other_id", type_=Integer)
    here = (membership.conversation_id == bindparam("conversation_id"), membership.user_id == other_id)
    state = select(membership.state).where(*here).scalar_subquery()
    return select(*columns(bindparam("writer_id"), User), state).where(User.id == other_id)


def decide(terms: Relationship) -> Decision:
    """What they come to."""
    if terms.blocked or not terms.other.active:
        return Decision("refused", NO)
    if terms.state == "accepted":
        return Decision("open")
    chosen, name = terms.other.writable_by, terms.other.display_name
    if chosen == "nobody":
        return Decision("refused", _l("%(name)s isn't accepting new messages.", name=name))
    if terms.follows:
        return Decision("open")
    if chosen == "following":
        return Decision("refused", _l("%(name)s only accepts messages from people they follow.", name=name))
    if chosen == "known" and not terms.knows:
        return Decision(
            "refused",
            _l("%(name)s only accepts messages from people they follow and the people those people follow.", name=name),
        )
    return Decision("request", _l("%(name)s doesn't follow you, so this will be sent as a message request.", name=name))


UNDO_WINDOW = timedelta(seconds=10)
EDIT_WINDOW = timedelta(minutes=15)
NETWORK_GRACE = timedelta(seconds=5)  # how much later what was asked in time may arrive


def can_undo(message: Message) -> bool:
    """Whether it was sent just now."""
    return now() - message.created_at <= UNDO_WINDOW + NETWORK_GRACE


def can_edit(message: Message) -> bool:
    """Whether it was sent lately enough to be edited, or deleted for everybody."""
    return now() - message.created_at <= EDIT_WINDOW + NETWORK_GRACE
