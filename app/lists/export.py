"""The lists in a data export."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from app.core.exports import Part, Piece, register, to_json
from app.extensions import db
from app.lists import queries
from app.models import User, UserListMember


def pieces(owner_id: int) -> Iterator[Piece]:
    """Yield the lists and the usernames of the people on them as a single piece of JSON.

    The number of lists and of people on a list is limited, so they need little memory.
    """
    lists = queries.all_of(db.session.get_one(User, owner_id))
    names = select(User.username).join(UserListMember, UserListMember.user_id == User.id).order_by(User.id)
    yield Piece(
        to_json(
            [
                {
                    "name": one.name,
                    "created_at": one.created_at.isoformat(),
                    "people": list(db.session.scalars(names.where(UserListMember.list_id == one.id))),
                }
                for one in lists
            ]
        )
    )


register(Part("lists", pieces))
