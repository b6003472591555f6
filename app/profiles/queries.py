"""Queries for profile pages: a profile with its counters, lists of members, and the pictures in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import to_user_timezone
from sqlalchemy import Select, bindparam, case, select

from app.core.database import built_once
from app.core.i18n import _
from app.core.time import now
from app.extensions import db
from app.lib.text.names import username_key
from app.models import Post, ProfileCount, User
from app.queries import follows, quotes, relations, timelines, visibility
from app.queries.relations import Relation
from app.queries.timelines import VIEWER_ID


@dataclass(frozen=True)
class Profile:
    """A profile as the viewer sees it."""

    relation: Relation
    person: User
    posts: int
    followers: int
    following: int
    is_followed: bool  # the viewer follows this member
    follows_viewer: bool
    has_pins: bool  # pinned posts, which the viewer may not be able to see


@dataclass(frozen=True)
class PersonRow:
    """A member in a list, and whether the member and the viewer follow each other."""

    person: User
    is_followed: bool
    follows_viewer: bool


def profile(username: str, viewer: User) -> Profile | None:
    """Return the profile with this username as `viewer` sees it, or None if no active account has the username.

    If either user blocks the other, the counters are 0. This takes one SQL query.
    """
    row = db.session.execute(_profile(), {"viewer_id": viewer.id, "key": username_key(username)}).first()
    if row is None:
        return None
    facts: tuple[Any, ...] = tuple(row)
    return Profile(Relation(*facts[7:]), *facts[:7])


@built_once
def _profile() -> Select[Any]:
    apart = visibility.blocked_between(VIEWER_ID, User.id)
    return (
        select(
            User,
            case((apart, 0), else_=ProfileCount.posts - timelines.hidden_count(VIEWER_ID, User.id)),
            follows.follower_count_of(VIEWER_ID),
            follows.following_count_of(VIEWER_ID),
            follows.is_following(VIEWER_ID, User.id),
            follows.is_following(User.id, VIEWER_ID),
            timelines.has_pins(User.id),
            *relations.columns(VIEWER_ID, User.id),
        )
        .join(ProfileCount, ProfileCount.user_id == User.id)
        .where(User.username_key == bindparam("key"), User.active)
    )


def pinned_posts(profile: Profile, viewer: User) -> Sequence[Post]:
    """Return the pinned posts of a profile that the viewer may see. This takes one SQL query if there are pins."""
    if not profile.has_pins:
        return []
    values = {"viewer_id": viewer.id, "author_id": profile.person.id}
    posts = db.session.scalars(timelines.pinned(), values).unique().all()
    quotes.load(viewer, posts)
    return posts


def people_page(
    people: Select[tuple[User]], viewer: User, before: int | None, size: int
) -> tuple[list[PersonRow], int | None]:
    """Return a page of `people`, newest account first, and the cursor of the next page.

    The page has at most `size` members. All their ids are lower than the cursor `before`. On the last page, the
    returned cursor is None. This takes one SQL query.
    """
    query = people.add_columns(follows.is_following(viewer.id, User.id), follows.is_following(User.id, viewer.id))
    if before is not None:
        query = query.where(User.id < before)
    rows = [PersonRow(*row) for row in db.session.execute(query.limit(size + 1))]
    return rows[:size], rows[size - 1].person.id if len(rows) > size else None


def avatar_names() -> Iterator[str]:
    """Return the file names of all uploaded pictures in use."""
    return iter(db.session.scalars(select(User.avatar).where(User.avatar != "").execution_options(yield_per=1000)))


WEEK, MONTH = 7, 31  # days


def last_seen(person: User) -> str:
    """Return a text about when a member was last active, such as "Active today"; "" if that is hidden or unknown.

    Days are counted in the viewer's time zone.
    """
    if not person.show_last_seen or person.last_seen is None:
        return ""
    days = (to_user_timezone(now()).date() - to_user_timezone(person.last_seen).date()).days
    if days <= 0:
        # NOTE: When a person last used the site.
        return _("Active today")
    if days < WEEK:
        return _("Active this week")
    return _("Active this month") if days < MONTH else _("Active a while ago")
