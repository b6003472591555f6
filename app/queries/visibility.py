"""Who may see what of whom. Every list, count, mail and search is built with these, so they cannot disagree.

Each asks about the rows of the query around it, however many queries lie between (`correlate_except`): SQLAlchemy by
itself looks only at the nearest, and would ask about any row of the table instead.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from app.models import Block, HiddenMessage, Message, Mute, User

# Named once: making an alias costs more than the rest of a query put together. Each condition keeps its own.
_block, _mute, _hidden = aliased(Block), aliased(Mute), aliased(HiddenMessage)


def is_blocking(blocker_id: Any, blocked_id: Any) -> ColumnElement[bool]:
    """Whether the one blocks the other, as part of another query; both may be columns."""
    is_it = exists().where(_block.blocker_id == blocker_id, _block.blocked_id == blocked_id)
    return is_it.correlate_except(_block)


def blocked_between(one_id: Any, other_id: Any) -> ColumnElement[bool]:
    """Whether either of two people blocks the other."""
    return or_(is_blocking(one_id, other_id), is_blocking(other_id, one_id))


def is_muting(muter_id: Any, muted_id: Any) -> ColumnElement[bool]:
    """Whether the one does not want to hear of the other just now."""
    return exists().where(_mute.muter_id == muter_id, _mute.muted_id == muted_id).correlate_except(_mute)


def is_not_muted_or_blocked(reader_id: Any, author_id: Any) -> ColumnElement[bool]:
    """Whether what the author does is told to the reader: neither muted by them, nor blocked between the two."""
    return and_(~is_muting(reader_id, author_id), ~blocked_between(reader_id, author_id))


def is_visible(viewer_id: Any, person: Any = User) -> ColumnElement[bool]:
    """Whether the viewer comes across a person at all; `person` is User or an alias of it."""
    return and_(person.active, ~blocked_between(viewer_id, person.id))


def message_is_shown(member: Any) -> ColumnElement[bool]:
    """Whether a member of its conversation can see a `Message`; `member` is that membership, or an alias of it.

    Not what came before they joined or after they left, what was taken back at once, and what they deleted for
    themselves. What was deleted for everybody is still shown: as deleted.
    """
    is_hidden = exists().where(_hidden.user_id == member.user_id, _hidden.message_id == Message.id)
    return and_(
        Message.conversation_id == member.conversation_id,
        Message.kind != "undone",
        Message.seq > member.joined_seq,
        or_(member.left_seq.is_(None), Message.seq <= member.left_seq),
        ~is_hidden.correlate_except(_hidden),
    )
