"""Queries of a member's lists and of the people on them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, exists, select

from app.extensions import db
from app.models import User, UserList, UserListMember
from app.queries import visibility


def all_of(owner: User) -> Sequence[UserList]:
    """Return all lists of a member, sorted by name."""
    lists = db.session.scalars(select(UserList).where(UserList.user_id == owner.id)).all()
    return sorted(lists, key=lambda one: (one.name.casefold(), one.id))


def one(owner: User, list_id: int) -> UserList | None:
    """Return the list with this id, or None if it doesn't exist or belongs to another member."""
    return db.session.scalar(select(UserList).where(UserList.id == list_id, UserList.user_id == owner.id))


def with_person(owner: User, person: User) -> Sequence[tuple[UserList, bool]]:
    """Return all lists of a member, sorted by name, each with whether `person` is on it."""
    is_on = exists().where(UserListMember.list_id == UserList.id, UserListMember.user_id == person.id)
    rows = db.session.execute(select(UserList, is_on).where(UserList.user_id == owner.id)).all()
    return sorted(((row[0], bool(row[1])) for row in rows), key=lambda row: (row[0].name.casefold(), row[0].id))


def people_on(viewer: User, list_id: int) -> Select[User]:
    """Select the people on a list whom the viewer can see, including muted ones."""
    on_list = select(User).join(UserListMember, UserListMember.user_id == User.id)
    return on_list.where(UserListMember.list_id == list_id, visibility.is_visible(viewer.id))
