"""Pin the author's own posts to the top of their profile, and unpin them. No other module adds or removes pins."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from app.core.database import has_rows, insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.core.time import now
from app.extensions import db
from app.models import PostPin, User, Visibility
from app.models.reaction import MAX_PINS
from app.posts import queries


def pin(author: User, post_id: int) -> None:
    """Pin a post to the top of its author's profile. Idempotent.

    Raises ActionError if the post doesn't exist, if `author` is not its author, if it is only for mentioned people, or
    if MAX_PINS posts are pinned.
    """
    # Lock the author's row, so that two concurrent requests don't exceed the limit. Lock it before the post, as a
    # moderator who removes the post does, to prevent a deadlock.
    db.session.execute(select(User.id).where(User.id == author.id).with_for_update(key_share=True))
    found = queries.lock_own(author, post_id)
    if found is None:
        raise ActionError(_l("You can only pin your own posts."))
    if found == Visibility.MENTIONED:
        raise ActionError(_l("You can't pin a post that's only for mentioned people."))
    if has_rows(PostPin, PostPin.post_id == post_id):
        return
    if (db.session.scalar(select(func.count(PostPin.id)).where(PostPin.user_id == author.id)) or 0) >= MAX_PINS:
        raise ActionError(
            _ln(
                "You can pin up to %(num)s post. Unpin another one first.",
                "You can pin up to %(num)s posts. Unpin another one first.",
                MAX_PINS,
            )
        )
    row = insert_into(PostPin).values(user_id=author.id, post_id=post_id, created_at=now())
    db.session.execute(row.on_conflict_do_nothing(index_elements=[PostPin.post_id]))


def unpin(author: User, post_id: int) -> None:
    """Unpin a post of the author. Idempotent. Do nothing if another person pinned the post."""
    db.session.execute(delete(PostPin).where(PostPin.post_id == post_id, PostPin.user_id == author.id))
