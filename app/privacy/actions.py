"""Block, unblock, mute and unmute people, mute and unmute threads, and save the privacy settings.

Blocks and mutes hide content without deleting it, so the content reappears when a block or mute ends. There is one
exception: a block deletes the follows between the two users, and removes each from the lists of the other. Unblocking
does not restore either.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, or_, select

from app.core import mute_duration
from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.core.signals import visibility_changed
from app.core.time import now
from app.extensions import db
from app.jobs import enqueue_at
from app.lib.text.languages import known_languages
from app.models import Block, Follow, MessagePrivacy, Mute, ThreadMute, User, UserList, UserListMember
from app.models.post import DEFAULTS
from app.notifications import refresh_counts_for_thread
from app.privacy import queries
from app.queries import people

END_MUTE_JOB = "privacy.end_mute"
MAX_LANGUAGES = 20  # that a user reads; Explore reads a part of an index for each


def block(blocker: User, blocked: User) -> None:
    """Block a user: hide the two users from each other, and end follows in both directions. Idempotent.

    Each of the two is removed from the lists of the other. The blocked user isn't notified. Raises ActionError if the
    two are the same user.
    """
    if blocker.id == blocked.id:
        raise ActionError(_l("You can't block yourself."))
    people.lock_follows(blocker, blocked)
    row = insert_into(Block).values(blocker_id=blocker.id, blocked_id=blocked.id).on_conflict_do_nothing()
    if db.session.scalar(row.returning(Block.blocker_id)) is None:
        return
    db.session.execute(delete(Follow).where(or_(_follows(blocker, blocked), _follows(blocked, blocker))))
    db.session.execute(delete(UserListMember).where(or_(_is_listed(blocker, blocked), _is_listed(blocked, blocker))))
    _both_hear(blocker, blocked, again=False)


def unblock(blocker: User, blocked: User) -> bool:
    """Unblock a user. Return False if they were not blocked. Follows that the block ended are not restored."""
    this = delete(Block).where(Block.blocker_id == blocker.id, Block.blocked_id == blocked.id)
    if db.session.scalar(this.returning(Block.blocker_id)) is None:
        return False
    _both_hear(blocker, blocked, again=True)
    return True


def mute(muter: User, muted: User, hours: int | None = None) -> None:
    """Mute a user: hide the user's posts and notifications from `muter`. A later call replaces the duration.

    `hours` is the duration, one of `mute_duration.HOURS`. If `hours` is None, the mute lasts until `muter` ends it.
    Raises ActionError for other values, and if the two are the same user.
    """
    if muter.id == muted.id:
        raise ActionError(_l("You can't mute yourself."))
    until = mute_duration.ends_at(hours)
    row = insert_into(Mute).values(muter_id=muter.id, muted_id=muted.id, until=until)
    db.session.execute(
        row.on_conflict_do_update(index_elements=[Mute.muter_id, Mute.muted_id], set_={"until": row.excluded.until})
    )
    if until is not None:
        enqueue_at(END_MUTE_JOB, until, muter_id=muter.id, muted_id=muted.id)
    visibility_changed.send(user_id=muter.id, other_id=muted.id, restored=False)


def unmute(muter: User, muted: User) -> bool:
    """Unmute a user. What they did during the mute becomes visible. Return False if they were not muted."""
    return _unmute(muter.id, muted.id)


def end_mute(muter_id: int, muted_id: int) -> bool:
    """Unmute a user if the end time of the mute has passed. Return whether they were unmuted.

    If the end time is in the future, for example because the mute was extended, enqueue a job that calls this function
    again at that time.
    """
    this = (Mute.muter_id == muter_id, Mute.muted_id == muted_id)
    until = db.session.scalar(select(Mute.until).where(*this).with_for_update())
    if until is None:
        return False
    if until > now():
        enqueue_at(END_MUTE_JOB, until, muter_id=muter_id, muted_id=muted_id)
        return False
    return _unmute(muter_id, muted_id)


def mute_thread(person: User, post_id: int) -> None:
    """Mute the thread of a post: hide its notifications from the person, including existing ones. Idempotent.

    The posts of the thread stay visible. Raises ActionError if the person can't see the post.
    """
    roots = _visible_roots(person, post_id)
    row = insert_into(ThreadMute).values(user_id=person.id, root_id=roots[-1]).on_conflict_do_nothing()
    if db.session.scalar(row.returning(ThreadMute.root_id)) is not None:
        refresh_counts_for_thread(person.id, roots[-1], restored=False)


def unmute_thread(person: User, post_id: int) -> None:
    """Unmute the thread of a post: show its unread notifications, including those from during the mute. Idempotent.

    Raises ActionError if the person can't see the post.
    """
    these = (ThreadMute.user_id == person.id, ThreadMute.root_id.in_(_visible_roots(person, post_id)))
    for root_id in db.session.scalars(delete(ThreadMute).where(*these).returning(ThreadMute.root_id)).all():
        refresh_counts_for_thread(person.id, root_id, restored=True)


def _visible_roots(person: User, post_id: int) -> list[int]:
    roots = queries.thread_roots(person, post_id)
    if not roots:
        raise ActionError(_l("This post isn't available anymore."))
    return roots


def save_settings(person: User, *, message_privacy: str, receipts: bool, post_visibility: str) -> None:
    """Save a user's privacy settings.

    - `message_privacy`: who may start a conversation with the user; one of MessagePrivacy
    - `receipts`: whether the user shares read receipts
    - `post_visibility`: who can see the user's posts by default; one of DEFAULTS, or "" for the site's default

    Raises ActionError if a value is not allowed.
    """
    if message_privacy not in list(MessagePrivacy):
        raise ActionError(_l("Choose who can message you."))
    if post_visibility and post_visibility not in DEFAULTS:
        raise ActionError(_l("Choose from the list who can see this."))
    people.lock(person)
    person.message_privacy, person.receipts = message_privacy, receipts
    person.post_visibility = post_visibility
    db.session.flush()


def save_reading_languages(person: User, codes: Sequence[str]) -> None:
    """Save the languages that a user reads. If there are none, the user sees posts in all languages.

    app/queries/languages.py says which pages they affect. Raises ActionError if a language is unknown, or if there are
    more than MAX_LANGUAGES.
    """
    chosen = sorted(set(codes))
    if not known_languages().issuperset(chosen):
        raise ActionError(_l("Choose a language from the list."))
    if len(chosen) > MAX_LANGUAGES:
        raise ActionError(_ln("Choose up to %(num)s language.", "Choose up to %(num)s languages.", MAX_LANGUAGES))
    people.lock(person)
    person.reading_languages = ",".join(chosen)
    db.session.flush()


def _unmute(muter_id: int, muted_id: int) -> bool:
    this = delete(Mute).where(Mute.muter_id == muter_id, Mute.muted_id == muted_id)
    if db.session.scalar(this.returning(Mute.muter_id)) is None:
        return False
    visibility_changed.send(user_id=muter_id, other_id=muted_id, restored=True)
    return True


def _both_hear(one: User, other: User, *, again: bool) -> None:
    visibility_changed.send(user_id=one.id, other_id=other.id, restored=again)
    visibility_changed.send(user_id=other.id, other_id=one.id, restored=again)


def _is_listed(owner: User, person: User) -> ColumnElement[bool]:
    lists = select(UserList.id).where(UserList.user_id == owner.id)
    return and_(UserListMember.user_id == person.id, UserListMember.list_id.in_(lists))


def _follows(follower: User, followed: User) -> ColumnElement[bool]:
    return and_(Follow.follower_id == follower.id, Follow.followed_id == followed.id)
