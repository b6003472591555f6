"""Who can see a post: the visibility levels that its author can choose, the default level, and the recipients.

Recipients are stored only for posts that are restricted to followers or to mentioned people (see `PostRecipient`).
"""

from __future__ import annotations

from collections.abc import Collection

from flask import current_app
from sqlalchemy import delete, insert, select

from app.core.database import has_rows, insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.lib.text import rich
from app.models import Post, PostRecipient, User, Visibility
from app.models.post import OFFERED, RESTRICTED_LEVELS, narrower
from app.queries import people, visibility

NO_RECIPIENT = _l("Mention at least one person, such as @name, or choose who else can see this.")


def default_level(author: User, parent: Post | None = None) -> Visibility:
    """Return the visibility level of a post whose author doesn't choose one.

    This is the default that the author has set, or else the default of the site (POST_VISIBILITY). A reply or quote is
    only for people who can see the post `parent` that it answers or quotes. So a reply to someone else's post for
    followers is only for the mentioned people, because its author has other followers.
    """
    own = Visibility(author.post_visibility or current_app.config["POST_VISIBILITY"])
    if parent is None:
        return own
    if _is_for_followers_of_another(author, parent):
        return Visibility.MENTIONED
    return narrower(own, parent.visibility)


def can_quote(person: User, post: Post) -> bool:
    """Return whether a person who can see a post can quote it.

    Others can quote a post only if all members can see it. Its author can always quote it.
    """
    return post.author_id == person.id or post.visibility not in RESTRICTED_LEVELS


def _is_for_followers_of_another(author: User, post: Post) -> bool:
    return post.visibility == Visibility.FOLLOWERS and post.author_id != author.id


def checked_level(level: str) -> Visibility:
    """Convert a visibility level that an author chose to a `Visibility`. Raises ActionError if it isn't in OFFERED."""
    if level not in OFFERED:
        raise ActionError(_l("Choose from the list who can see this."))
    return Visibility(level)


def store_recipients(post: Post, author: User, reply_to: Post | None) -> None:
    """Store the recipients of a post that is restricted to followers or mentioned people. Do nothing for other posts.

    The recipients are the mentioned members. If a reply is restricted to followers, the author of the post that it
    replies to is a recipient, too. If a post is only for mentioned people, its author is a recipient, because their
    home timeline finds such posts by recipient. Raises ActionError if such a post mentions no other member.
    """
    if post.visibility not in RESTRICTED_LEVELS:
        return
    ids = mentioned_ids(author, post.visibility, post.body)
    if reply_to is not None and post.visibility == Visibility.FOLLOWERS:
        ids |= {reply_to.author_id} - {author.id}
    if post.visibility == Visibility.MENTIONED:
        ids.add(author.id)
    if ids:
        db.session.execute(insert(PostRecipient), [{"user_id": user_id, "post_id": post.id} for user_id in sorted(ids)])


def update_recipients(post: Post, *, added: Collection[int], removed: Collection[int]) -> None:
    """Add and remove recipients of a restricted post whose text was edited. Do nothing for other posts.

    `added` and `removed` are the ids of the members whom only the new or only the old text mentions. The author stays a
    recipient, and so does the author of the post that a reply for followers answers. Raises ActionError if a post for
    mentioned people mentions no other member anymore.
    """
    if post.visibility not in RESTRICTED_LEVELS:
        return
    kept = {post.author_id}
    if post.visibility == Visibility.FOLLOWERS and post.reply_to_id is not None:
        kept |= set(db.session.scalars(select(Post.author_id).where(Post.id == post.reply_to_id)))
    lost = (PostRecipient.post_id == post.id, PostRecipient.user_id.in_(set(removed) - kept))
    db.session.execute(delete(PostRecipient).where(*lost))
    rows = [{"user_id": user_id, "post_id": post.id} for user_id in sorted(set(added) - {post.author_id})]
    if rows:
        db.session.execute(insert_into(PostRecipient).on_conflict_do_nothing(), rows)
    others = (PostRecipient.post_id == post.id, PostRecipient.user_id != post.author_id)
    if post.visibility == Visibility.MENTIONED and not has_rows(PostRecipient, *others):
        raise ActionError(NO_RECIPIENT)


def mentioned_ids(author: User, level: str, body: str) -> set[int]:
    """Return the ids of the other members whom a text mentions.

    Raises ActionError if the text is only for mentioned people and mentions no other member.
    """
    ids = {person.id for person in people.by_usernames(rich.mentions(body))} - {author.id}
    if level == Visibility.MENTIONED and not ids:
        raise ActionError(NO_RECIPIENT)
    return ids


def includes_parent(answer: Post, parent: Post) -> bool:
    """Return whether the author of the post `parent` can see `answer`, a reply to that post.

    If the reply is only for mentioned people, it must mention that author.
    """
    if answer.visibility != Visibility.MENTIONED:
        return True
    return db.session.get(PostRecipient, (parent.author_id, answer.id)) is not None


def includes(user_id: int, post: Post) -> bool:
    """Return whether the visibility level of a post includes a user."""
    if post.visibility not in RESTRICTED_LEVELS:
        return True
    included = select(visibility.level_includes(user_id)).where(Post.id == post.id)
    return bool(db.session.scalar(included))


def names_to_mention(viewer: User, post: Post) -> list[str]:
    """Return the usernames that a reply by the viewer to a post should mention.

    If the reply is only for mentioned people by default because of the post, these are the post's author and the people
    it mentions, except the viewer. For other posts, the list is empty.
    """
    if post.visibility != Visibility.MENTIONED and not _is_for_followers_of_another(viewer, post):
        return []
    names = {name.casefold(): name for name in [post.author.username, *rich.mentions(post.body)]}
    return [name for key, name in names.items() if key != viewer.username.casefold()]
