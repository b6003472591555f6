"""Who can see a post: the levels that its author can choose, the default, and the recipients of a restricted post."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import insert

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.lib.text import rich
from app.models import Post, PostRecipient, User, Visibility
from app.models.post import OFFERED, narrower
from app.queries import people


def default_level(author: User, reply_to: Post | None = None) -> Visibility:
    """Return the level of a post whose author doesn't choose one.

    It is the author's default, or that of the site. A reply never has a wider level than the post that it replies to.
    """
    own = Visibility(author.post_visibility or current_app.config["POST_VISIBILITY"])
    return own if reply_to is None else narrower(own, reply_to.visibility)


def checked_level(level: str) -> Visibility:
    """Return the chosen level of a post. Raises ActionError if it isn't one of OFFERED."""
    if level not in OFFERED:
        raise ActionError(_l("Choose from the list who can see this."))
    return Visibility(level)


def store_recipients(post: Post, author: User, reply_to: Post | None) -> None:
    """Store who can see a restricted post besides the author's followers. Nothing is stored for other posts.

    Raises ActionError if the post is only for mentioned people and mentions no one.
    """
    if post.visibility not in {Visibility.FOLLOWERS, Visibility.MENTIONED}:
        return
    ids = {person.id for person in people.by_usernames(rich.mentions(post.body))} - {author.id}
    if reply_to is not None and post.visibility == Visibility.FOLLOWERS:
        ids |= {reply_to.author_id} - {author.id}
    if not ids and post.visibility == Visibility.MENTIONED:
        raise ActionError(_l("Mention at least one person, such as @name, or choose who else can see this."))
    db.session.execute(
        insert(PostRecipient), [{"user_id": user_id, "post_id": post.id} for user_id in sorted(ids | {author.id})]
    )


def includes_parent(answer: Post, parent: Post) -> bool:
    """Return whether the author of the post that a reply answers can see the reply.

    If the reply is only for mentioned people, it must mention them: it may be about the author and not for them.
    """
    if answer.visibility != Visibility.MENTIONED:
        return True
    return db.session.get(PostRecipient, (parent.author_id, answer.id)) is not None


def names_to_mention(viewer: User, post: Post) -> list[str]:
    """Return the usernames that a reply by the viewer to a post of the level "mentioned" should mention, too."""
    if post.visibility != Visibility.MENTIONED:
        return []
    names = {name.casefold(): name for name in [post.author.username, *rich.mentions(post.body)]}
    return [name for key, name in names.items() if key != viewer.username.casefold()]
