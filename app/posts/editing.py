"""Edit posts: keep the earlier version, and let tags, recipients and notifications follow the new text.

The visibility level of a post and the post that it answers can't be changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.core.validation import checked_body, checked_warning
from app.extensions import db
from app.jobs import enqueue
from app.lib.text import rich
from app.lib.text.names import username_key
from app.models import Post, PostRevision, PostTag, User, Visibility
from app.models.post import RESTRICTED_LEVELS, WARNING_LENGTH
from app.notifications import record_event, restore_event, retract_event
from app.posts import actions, audience, images, votes
from app.posts.reactions import NOT_AVAILABLE
from app.queries import people, post_images

TELL_OF_EDIT = "posts.tell_of_edit"
BURST = timedelta(hours=1)  # edits with shorter pauses between them are one event for each person who is told


@dataclass(frozen=True)
class Edit:
    """What the author writes in the form: the new text and options, and the revision that the form began with."""

    body: str
    warning: str = ""
    language: str = ""
    revision: int = 0
    max_length: int = 500  # of the text, in characters as readers count them


class EditConflictError(ActionError):
    """The post was edited after the form was loaded."""


def edit(author: User, post_id: int, change: Edit) -> None:
    """Change the text, content warning and language of a post, and keep the earlier version.

    If only the language changes, no version is kept. If nothing changes, do nothing, so submitting a form twice makes
    one version. People whom only the new text mentions are notified. Events of people whom it no longer mentions are
    retracted; if the post is only for mentioned people, they can't see it anymore.

    Raises EditConflictError if the post was edited after the form was loaded. Raises ActionError if the text or an
    option is invalid, if `author` is not the author of the post, or if the post doesn't exist.
    """
    language, post = actions.checked_language(change.language), _lock(author, post_id)
    body = checked_body(change.body, change.max_length, optional=post.has_images)
    warning = checked_warning(change.warning, WARNING_LENGTH)
    if (body, warning) == (post.body, post.warning):
        post.language = language
        db.session.flush()
        return
    if change.revision != post.revision:
        raise EditConflictError(
            _l("This post was edited in another tab or on another device. Your text is still here, below that version.")
        )
    actions.check_mentions(post.visibility, body)
    is_new_burst = post.edited_at is None or now() - post.edited_at > BURST
    previous = _keep_version(post)
    post.body, post.warning, post.language = body, warning, language
    alts = [image.alt for image in post_images.images_of(post)]
    post.search_text = images.searchable(warning, body, [*alts, *votes.options_of(post)])
    post.revision, post.edited_at = post.revision + 1, now()
    db.session.flush()
    db.session.execute(delete(PostTag).where(PostTag.post_id == post.id))
    actions.store_tags(post)
    _update_mentions(post, author, previous.body)
    if is_new_burst:
        enqueue(TELL_OF_EDIT, post_id=post.id, revision=post.revision)


def _lock(author: User, post_id: int) -> Post:
    """Lock a post against other edits and its deletion, and return it, reloaded from the database.

    Reactions don't wait for this lock.
    """
    this = select(Post).where(Post.id == post_id).with_for_update(key_share=True)
    post = db.session.scalar(this.execution_options(populate_existing=True))
    if post is None:
        raise ActionError(NOT_AVAILABLE)
    if post.author_id != author.id:
        raise ActionError(_l("You can only edit your own posts."))
    return post


def _keep_version(post: Post) -> PostRevision:
    version = PostRevision(
        post_id=post.id,
        number=post.revision,
        body=post.body,
        language=post.language,
        warning=post.warning,
        created_at=post.edited_at or post.created_at,
    )
    db.session.add(version)
    return version


def _update_mentions(post: Post, author: User, old_body: str) -> None:
    """Update the recipients of a post, and notify the people whom only the new text mentions.

    A name that is in both texts changes nothing, so nobody is notified twice.
    """
    old, new = rich.mentions(old_body), rich.mentions(post.body)
    removed = _ids_of(_without(old, new))
    added = [person.id for person in people.by_usernames(_without(new, old))]
    audience.update_recipients(post, added=added, removed=removed)
    told = people.by_usernames(_without(new[: actions.MAX_MENTIONS], old[: actions.MAX_MENTIONS]))
    kinds = _kinds_of_events(post, removed)
    for user_id in removed:
        if kind := kinds.get(user_id, "mention"):
            retract_event(user_id, kind, str(post.id))
    for person in told:
        kind = kinds.get(person.id, "mention")
        if kind and not restore_event(person.id, kind, str(post.id), actor=author):
            record_event(person.id, kind, str(post.id), actor=author, post_id=post.id)


def _without(names: Sequence[str], others: Sequence[str]) -> list[str]:
    keys = {username_key(name) for name in others}
    return [name for name in names if username_key(name) not in keys]


def _ids_of(names: Sequence[str]) -> Sequence[int]:
    """Return the ids of the users with these names, also of inactive ones, in ascending order."""
    keys = [username_key(name) for name in names]
    return (
        db.session.scalars(select(User.id).where(User.username_key.in_(keys)).order_by(User.id)).all() if keys else []
    )


def _kinds_of_events(post: Post, removed: Sequence[int]) -> dict[int, str]:
    """Return the kind of event that a mention causes, by user id, for users for whom it is not "mention".

    The author of the post that a reply answers has an event of the kind "reply". It depends on a mention only if the
    reply is for mentioned people. Otherwise, the value is "", because a mention changes nothing. The author of a quoted
    post has an event of the kind "quote" if they can see the quote. `removed` are the ids of people who are no longer
    mentioned.
    """
    parent_id = post.reply_to_id or post.quote_of_id
    if parent_id is None:
        return {}
    parent_author_id = db.session.scalar(select(Post.author_id).where(Post.id == parent_id))
    if parent_author_id is None:
        return {}
    if post.quote_of_id is not None:
        is_open = post.visibility not in RESTRICTED_LEVELS
        sees_it_still = parent_author_id in removed and audience.includes(parent_author_id, post)
        return {parent_author_id: "" if is_open or sees_it_still else "quote"}
    return {parent_author_id: "reply" if post.visibility == Visibility.MENTIONED else ""}


def tell_of_edit(post_id: int, revision: int, user_ids: Sequence[int]) -> bool:
    """Record an event about an edit for some of the people who liked or reposted the post. Idempotent.

    `revision` is the first revision of the burst, and identifies the event. Return False if the post no longer exists.
    """
    this = select(Post).where(Post.id == post_id).with_for_update(read=True, key_share=True)
    post = db.session.scalar(this)
    if post is None:
        return False
    author = db.session.get_one(User, post.author_id)
    for user_id in user_ids:
        record_event(user_id, "edit", edit_subject(post_id, revision), actor=author, post_id=post_id, known=True)
    return True


def edit_subject(post_id: int, revision: int) -> str:
    """Return the subject of the events about a burst of edits that began with `revision`."""
    return f"{post_id}:{revision}"
