"""Events on the Activity page. A row stores an event's kind and arguments, from which its text is rendered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.post import Post
from app.models.user import User

UNREAD = text("read_at IS NULL AND held_by = ''")
READ = text("read_at IS NOT NULL")
FILTERED = text("held_by <> ''")
RETRACTED = "retracted"  # `filtered_by` of an event that is hidden because its cause was undone


class Activity(Base):
    """An event on a user's Activity page.

    The combination of user, kind and subject is unique. So if the cause of an event is repeated, the event is recorded
    only once.
    """

    __tablename__ = "activity"
    __table_args__ = (
        UniqueConstraint("user_id", "kind", "subject"),
        # The Activity page, newest first, by the recipient's clock.
        Index("ix_activity_user_id_timestamp", "user_id", "timestamp", "id"),
        # The badge and email. A partial index, so that it stays small however many events have been read.
        Index("ix_activity_unread", "user_id", "kind", sqlite_where=UNREAD, postgresql_where=UNREAD),
        Index("ix_activity_post_id", "post_id"),  # deleting a post deletes its events
        Index("ix_activity_actor_id", "actor_id"),  # deleting an account deletes its events
        # Deleting old events. A partial index, so that no planner uses it to find unread events.
        Index("ix_activity_read_at", "read_at", sqlite_where=READ, postgresql_where=READ),
        # The page of filtered notifications.
        Index("ix_activity_held", "user_id", "timestamp", "id", sqlite_where=FILTERED, postgresql_where=FILTERED),
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))  # the recipient
    kind: Mapped[str] = mapped_column(String(32))  # a name in app/notifications/kinds.py
    subject: Mapped[str] = mapped_column(String(64))  # identifies the event: the id of its cause
    # Unix seconds from the recipient's clock. Timestamps follow commit order, so no older event can appear after a page
    # has shown this one.
    timestamp: Mapped[float] = mapped_column(Double)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))  # the user who caused it
    post_id: Mapped[int | None] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))  # the post it refers to
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # other arguments of its text
    # The sender filter that filtered the event: "not_following" or "new_account"; "" if the event was not filtered;
    # RETRACTED if the cause of the event was undone after the event had been sent by email or push.
    filtered_by: Mapped[str] = mapped_column("held_by", String(16), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it was sent in an email

    actor: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[actor_id])
    post: Mapped[Post | None] = relationship(lazy="raise")
