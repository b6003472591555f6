"""What is told when a post goes: the events about it go with its row, so unread ones must be counted anew."""

from __future__ import annotations

from sqlalchemy import select

from app.extensions import db
from app.models import Activity
from app.notify.activity import tell_count


def tell_post_goes(post_id: int) -> None:
    """Tell everyone who has an unread event about a post that the number changes; before the post is deleted."""
    heard = select(Activity.user_id).where(Activity.post_id == post_id, Activity.read_at.is_(None))
    for user_id in db.session.scalars(heard).all():
        tell_count(user_id)
