"""Functions that follow and unfollow members, and that change a member's profile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete

from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.core.validation import checked_name
from app.extensions import db
from app.lib.text import rich
from app.lib.text.length import fits
from app.lib.text.search import search_text
from app.models import Follow, User
from app.notifications import record_event, scheduling
from app.profiles.timezones import is_zone
from app.queries import people, relations

NAME_MAX = 50  # characters as readers see them
NAME_POINTS = 64  # code points: the width of the column
ABOUT_MAX = 500  # characters as readers see them
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, kw_only=True)
class ProfileChange:
    """The values of the profile form: texts and display settings."""

    name: str
    about_me: str
    language: str  # locale code; "" = the browser's language
    timezone: str  # IANA name; "" = UTC
    theme: str
    show_last_seen: bool


def follow(follower: User, followed: User) -> None:
    """Make `follower` follow `followed`. Idempotent.

    Record an event for `followed` if the follow is new. Raise ActionError if both are the same user, or if either
    blocks the other.
    """
    if follower.id == followed.id:
        raise ActionError(_l("You can't follow yourself."))
    people.lock_follow(follower, followed)
    if relations.between(follower.id, followed.id).is_blocked_either_way:
        raise ActionError(_l("You can't follow this person."))
    row = insert_into(Follow).values(follower_id=follower.id, followed_id=followed.id).on_conflict_do_nothing()
    if db.session.scalar(row.returning(Follow.follower_id)) is not None:
        record_event(followed.id, "follow", str(follower.id), actor=follower)


def unfollow(follower: User, followed: User) -> None:
    """Make `follower` stop following `followed`. Idempotent. Raise ActionError if both are the same user."""
    if follower.id == followed.id:
        raise ActionError(_l("You can't unfollow yourself."))
    db.session.execute(delete(Follow).where(Follow.follower_id == follower.id, Follow.followed_id == followed.id))


def edit_profile(person: User, change: ProfileChange, *, languages: Collection[str]) -> None:
    """Change the profile of `person`.

    `languages` are the locale codes that can be chosen. Raise ActionError if a value is invalid.
    """
    name, about_me = checked_name(change.name, NAME_MAX, points=NAME_POINTS), _about(change.about_me)
    if change.language and change.language not in languages:
        raise ActionError(_l("That language isn't available here."))
    if change.timezone and not is_zone(change.timezone):
        raise ActionError(_l("That time zone doesn't exist."))
    if change.theme not in THEMES:
        raise ActionError(_l("That theme doesn't exist."))
    people.lock(person)
    person.name, person.about_me = name, about_me
    person.search_text = search_text(f"{person.username} {name}")
    zone_is_new = change.timezone != person.timezone
    person.language, person.timezone, person.theme = change.language, change.timezone, change.theme
    person.show_last_seen = change.show_last_seen
    if zone_is_new:
        scheduling.reschedule(person.id)  # quiet hours and digests use the member's local time
    db.session.flush()


def set_avatar(person: User, file_name: str) -> str:
    """Set the profile picture to the stored file `file_name`. If it is "", the member gets a generated picture.

    Return the name of the former picture's file, or "" if there was none. The caller must delete this file after the
    commit.
    """
    people.lock(person)
    old, person.avatar = person.avatar, file_name
    db.session.flush()
    return old


def _about(raw: str) -> str:
    about = _clean(raw).strip()
    if not fits(about, ABOUT_MAX):
        raise ActionError(
            _ln(
                "This is too long. The limit is %(num)s character.",
                "This is too long. The limit is %(num)s characters.",
                ABOUT_MAX,
            )
        )
    return about


def _clean(raw: str) -> str:
    try:
        return rich.clean(raw)
    except rich.InvalidText as error:
        raise ActionError(_l("Your text contains characters that aren't supported. Please remove them.")) from error
