"""Make, rename and delete lists of people, and add and remove people. The people aren't notified.

A list belongs to the member who made it. A function that gets the list of another member raises ActionError, as if the
list didn't exist.
"""

from __future__ import annotations

from sqlalchemy import delete, func, select

from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.core.validation import checked_name
from app.extensions import db
from app.models import User, UserList, UserListMember
from app.models.user_list import NAME_POINTS
from app.queries import people, relations

MAX_LISTS = 50
MAX_PEOPLE = 500  # on one list; the cost of its page depends on their number
NAME_MAX = 40  # characters as readers see them


def create(owner: User, name: str) -> UserList:
    """Create a list, and return it. If the owner already has a list with this name, return that one.

    The owner's row is locked until the commit, so that concurrent calls don't exceed MAX_LISTS. Raises ActionError if
    the name is blank or too long, or if the owner has too many lists.
    """
    name = _checked(name)
    people.lock(owner)
    known = _named(owner, name)
    if known is not None:
        return known
    count = db.session.scalar(select(func.count()).select_from(UserList).where(UserList.user_id == owner.id)) or 0
    if count >= MAX_LISTS:
        raise ActionError(_ln("You can have up to %(num)s list.", "You can have up to %(num)s lists.", MAX_LISTS))
    made = UserList(user_id=owner.id, name=name)
    db.session.add(made)
    db.session.flush()
    return made


def rename(owner: User, list_id: int, name: str) -> None:
    """Rename a list. Raises ActionError if the name is blank or too long, or if another list has it."""
    name = _checked(name)
    people.lock(owner)  # serialises it with other new names
    this = _locked(owner, list_id)
    if name == this.name:
        return
    if _named(owner, name) is not None:
        raise ActionError(_l("You already have a list with this name."))
    this.name = name
    db.session.flush()


def remove_list(owner: User, list_id: int) -> None:
    """Delete a list. Idempotent."""
    db.session.execute(delete(UserList).where(UserList.id == list_id, UserList.user_id == owner.id))


def add(owner: User, list_id: int, person: User) -> None:
    """Add a person to a list. Idempotent.

    The list is locked until the commit, so that concurrent calls don't exceed MAX_PEOPLE. Raises ActionError if the
    list is full, or if either user blocks the other.
    """
    people.lock_follow(owner, person)  # serialises a concurrent block
    if relations.between(owner.id, person.id).is_blocked_either_way:
        raise ActionError(_l("You can't add this person."))
    this = _locked(owner, list_id)
    row = insert_into(UserListMember).values(list_id=this.id, user_id=person.id).on_conflict_do_nothing()
    if db.session.scalar(row.returning(UserListMember.user_id)) is None:
        return
    count = select(func.count()).select_from(UserListMember).where(UserListMember.list_id == this.id)
    if (db.session.scalar(count) or 0) > MAX_PEOPLE:
        raise ActionError(
            _ln("A list can have up to %(num)s person.", "A list can have up to %(num)s people.", MAX_PEOPLE)
        )


def remove(owner: User, list_id: int, person: User) -> None:
    """Remove a person from a list. Idempotent."""
    this = _locked(owner, list_id)
    gone = delete(UserListMember).where(UserListMember.list_id == this.id, UserListMember.user_id == person.id)
    db.session.execute(gone)


def _locked(owner: User, list_id: int) -> UserList:
    this = select(UserList).where(UserList.id == list_id, UserList.user_id == owner.id)
    locked = this.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = db.session.scalar(locked)
    if found is None:
        raise ActionError(_l("This list doesn't exist anymore."))
    return found


def _named(owner: User, name: str) -> UserList | None:
    return db.session.scalar(select(UserList).where(UserList.user_id == owner.id, UserList.name == name))


def _checked(name: str) -> str:
    name = checked_name(name, NAME_MAX, points=NAME_POINTS)
    if not name:
        raise ActionError(_l("Enter a name for the list."))
    return name
