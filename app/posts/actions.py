"""Publish and delete posts, replies and quotes, and start data exports.

Only this module and app/posts/editing.py write posts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.core.images import Picture, form_key_with_images
from app.core.time import now
from app.core.validation import checked_body, checked_warning, send_key
from app.extensions import db
from app.jobs import enqueue
from app.lib.text import rich
from app.lib.text.languages import known_languages
from app.lib.text.search import tag_key
from app.models import Job, Post, PostTag, User, Visibility
from app.models.post import RESTRICTED_LEVELS, WARNING_LENGTH
from app.notifications import publish_state, record_event, refresh_counts_for_deleted_post
from app.posts import audience, drafts, images, queries, votes
from app.posts.votes import NewPoll
from app.queries import people, threads, timelines

EXPORT = "posts.export"
TELL_FOLLOWERS = "posts.tell_followers"
MAX_MENTIONS = 25  # maximum number of mentioned members who are notified of one post, or who alone can see it
MAX_TAGS = 30  # maximum number of tags stored for one post; completion and the pages of tags use them


@dataclass(frozen=True)
class PostOptions:
    """The options of a new post: what the author chose besides the text, the key of the form, and the length limit."""

    language: str = ""  # a language code, or "" if unknown
    visibility: str = ""  # a level that the author chose, or "" for the default (audience.py)
    warning: str = ""  # a content warning, behind which the text is hidden
    pictures: Sequence[Picture] = ()
    poll: NewPoll | None = None
    quote_of_id: int | None = None  # the post that it quotes
    form_key: str | None = None  # identifies the form, so that submitting it twice creates one post
    max_length: int = 500  # of the text, in characters as readers count them


DEFAULT_OPTIONS = PostOptions()


def publish(author: User, body: str, options: PostOptions = DEFAULT_OPTIONS) -> Post:
    """Publish a post, and notify the mentioned members and the author's followers. Return the post.

    If it quotes a post, the author of that post is notified, too, if they can see the quote. A background job notifies
    the followers. Followers are not notified of a post that is only for mentioned people. If the same form is submitted
    twice with the same text, images, visibility level and content warning, only one post is created, and both calls
    return it. Raises ActionError if the text or one of the options is invalid, or if `author` can't quote the post.
    """
    _checked_body(body, options)  # before anything is locked
    quoted = _lock_quoted(author, options.quote_of_id) if options.quote_of_id is not None else None
    post, is_new = _store(author, body, options, quoted=quoted)
    if is_new:
        _notify_mentioned(post, author, but=_notify_quoted(post, author, quoted) if quoted else None)
    if is_new and post.visibility != Visibility.MENTIONED:
        notify_followers(author)
    return post


def notify_followers(author: User) -> None:
    """Enqueue the job that tells the open pages of a user's followers about the user's newest post or repost."""
    # One queued job is enough for several posts, because it publishes the newest post at the time it runs.
    enqueue(TELL_FOLLOWERS, unique_key=f"{TELL_FOLLOWERS}:{author.id}", author_id=author.id)


def reply(author: User, post: Post, body: str, options: PostOptions = DEFAULT_OPTIONS) -> Post:
    """Publish a reply to a post, and notify the post's author and the mentioned members. Return the reply.

    The post's author is notified only if they can see the reply. `post.author` must already be loaded. Raises
    ActionError if the text or one of the options is invalid, or if `author` can't see the post.
    """
    _checked_body(body, options)  # before anything is locked
    people.lock_follow(author, post.author)  # serialises a concurrent block
    if not queries.lock_visible(author, post.id):
        # NOTE: The post was deleted, or a block hides it.
        raise ActionError(_l("This post isn't available anymore."))
    answer, is_new = _store(author, body, options, reply_to=post)
    if is_new:
        if audience.includes_parent(answer, post):
            record_event(post.author_id, "reply", str(answer.id), actor=author, post_id=answer.id)
        _notify_mentioned(answer, author, but=post.author_id)
    return answer


def _lock_quoted(author: User, post_id: int) -> Post:
    """Lock a post that `author` quotes, and return it. Raises ActionError if `author` can't see or can't quote it."""
    post = timelines.one(author, post_id)
    if post is not None:
        people.lock_follow(author, post.author)  # serialises a concurrent block
    if post is None or not queries.lock_visible(author, post.id):
        raise ActionError(_l("This post isn't available anymore."))
    if not audience.can_quote(author, post):
        raise ActionError(_l("Only posts that all members can see can be quoted."))
    return post


def _store(
    author: User, body: str, options: PostOptions, *, reply_to: Post | None = None, quoted: Post | None = None
) -> tuple[Post, bool]:
    """Store a post, unless the same form has already stored it. Return the stored post, and whether it is new."""
    body, pictures = _checked_body(body, options), options.pictures
    form_key = form_key_with_images(options.form_key, pictures)
    warning = checked_warning(options.warning, WARNING_LENGTH)
    level = audience.checked_level(options.visibility) if options.visibility else None
    level = level or audience.default_level(author, reply_to or quoted)
    check_mentions(level, body)
    poll = votes.checked(options.poll) if options.poll else None
    # What makes two submissions of a form the same.
    content = body if (level, warning) == (Visibility.MEMBERS, "") else f"{body}\n{level}\n{warning}"
    content = f"{content}\n{poll}" if poll else content
    values: dict[str, Any] = {
        "author_id": author.id,
        "body": body,
        "language": checked_language(options.language),
        "visibility": level,
        "warning": warning,
        "has_images": bool(pictures),
        "search_text": images.searchable(
            warning, body, [*(one.alt for one in pictures), *(poll.options if poll else ())]
        ),
        "created_at": now(),
        "form_key": send_key(author, content, form_key),
    }
    if reply_to is not None:
        place = threads.place_of_replies(reply_to)
        values |= {"reply_to_id": reply_to.id, "tree_id": place.tree_id, "tree_path": place.prefix}
        values["form_key"] = send_key(author, content, f"{reply_to.id}:{form_key}" if form_key else None)
    if quoted is not None:
        values["quote_of_id"] = quoted.id
        values["form_key"] = send_key(author, content, f"quote:{quoted.id}:{form_key}" if form_key else None)
    stmt = insert_into(Post).values(**values).on_conflict_do_nothing(index_elements=[Post.form_key])
    identity = db.session.scalar(stmt.returning(Post.id))
    if identity is None:
        return db.session.scalars(select(Post).where(Post.form_key == values["form_key"])).one(), False
    if reply_to is not None:
        path = place.prefix + threads.segment(identity)
        db.session.execute(update(Post).where(Post.id == identity).values(tree_path=path))
    post = db.session.get_one(Post, identity)
    if reply_to is not None:
        drafts.delete_of_reply(author, options.form_key)
    elif quoted is None or drafts.is_redrafted(options.form_key):  # the other quotes have no drafts
        drafts.clear(author, options.form_key, body)
    images.attach(post, pictures)
    if poll is not None:
        votes.store(post, poll)
    store_tags(post)
    audience.store_recipients(post, author, reply_to)
    return post, True


def _checked_body(body: str, options: PostOptions) -> str:
    return checked_body(body, options.max_length, optional=bool(options.pictures))


def check_mentions(level: str, body: str) -> None:
    """Raise ActionError if a post for mentioned people mentions more people than are notified.

    The others would never learn of the post.
    """
    if level == Visibility.MENTIONED and len(rich.mentions(body)) > MAX_MENTIONS:
        raise ActionError(
            _ln(
                "You can mention up to %(num)s person in a post that only they can see.",
                "You can mention up to %(num)s people in a post that only they can see.",
                MAX_MENTIONS,
            )
        )


def store_tags(post: Post) -> None:
    """Store the tags of a post, if all members can see the post and it has no content warning.

    The stored tags are for completion and for the pages of tags. Completion reads a limited number of the newest tags.
    Tags that hardly anyone can see must not fill this number.
    """
    if post.warning or post.visibility in RESTRICTED_LEVELS:
        return
    found = {tag_key(tag): tag for tag in reversed(rich.tags(post.body)[:MAX_TAGS])}
    rows = [{"post_id": post.id, "key": key, "name": name} for key, name in found.items() if key]
    if rows:
        db.session.execute(insert(PostTag), rows)


def _notify_mentioned(post: Post, author: User, *, but: int | None = None) -> None:
    """Notify the members mentioned in a post, at most MAX_MENTIONS, except the member with the id `but`."""
    for person in people.by_usernames(rich.mentions(post.body)[:MAX_MENTIONS]):
        if person.id == but:
            continue
        record_event(person.id, "mention", str(post.id), actor=author, post_id=post.id)


def _notify_quoted(post: Post, author: User, quoted: Post) -> int | None:
    """Notify the author of the post `quoted` of its quote `post`, if they can see it. Return their id if they can."""
    if not audience.includes(quoted.author_id, post):
        return None
    record_event(quoted.author_id, "quote", str(post.id), actor=author, post_id=post.id)
    return quoted.author_id


def publish_timeline(user_id: int, newest: int) -> None:
    """Publish the id of the newest post on a member's home timeline to the member's open pages.

    If a higher id than `newest` was already published, that id is published again. So the published id never decreases,
    even if the jobs of two authors run out of order.
    """

    def furthest() -> dict[str, int]:
        return {"newest_post_id": max(newest, queries.newest_published(user_id))}

    publish_state(user_id, "timeline", furthest)


def checked_language(language: str) -> str:
    """Return the code of a language that an author chose; "" means unknown. Raises ActionError if it is invalid."""
    if language and language not in known_languages():
        raise ActionError(_l("Choose a language from the list."))
    return language


def delete(person: User, post: Post) -> Post | None:
    """Delete a post. Return it with its last text, or None if it no longer exists.

    Raises ActionError if `person` is not its author.
    """
    if post.author_id != person.id:
        raise ActionError(_l("You can only delete your own posts."))
    threads.lock_parent(post.id)
    # Wait for concurrent likes before reading who has events about the post.
    locked = db.session.get(Post, post.id, with_for_update=True, populate_existing=True)
    if locked is None:
        return None
    refresh_counts_for_deleted_post(locked.id)
    images.remove_files(locked)
    db.session.delete(locked)
    db.session.flush()
    return locked


def correct_language(person: User, post: Post, language: str) -> None:
    """Set the language of a post; "" means unknown.

    Raises ActionError if `person` is not its author or the language is invalid.
    """
    if post.author_id != person.id:
        raise ActionError(_l("You can only edit your own posts."))
    post.language = checked_language(language)
    db.session.flush()


def request_export(owner: User) -> tuple[Job, bool]:
    """Enqueue a data export for `owner`. Return the job, and whether it is new.

    If an export is already queued or running, return its job. The owner's row is locked until the commit, so that two
    concurrent calls don't enqueue two exports.
    """
    db.session.execute(select(User.id).where(User.id == owner.id).with_for_update(key_share=True))
    unfinished = select(Job).where(Job.owner_id == owner.id, Job.name == EXPORT, Job.state.in_(["queued", "running"]))
    known = db.session.scalar(unfinished.limit(1))
    if known is not None:
        return known, False
    return enqueue(EXPORT, owner=owner, unique_key=f"{EXPORT}:{owner.id}", owner_id=owner.id), True
