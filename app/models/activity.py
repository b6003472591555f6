"""What happened to a person: one row for each event, kept as kind and arguments, never as text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.core.database import UtcDateTime
from app.extensions import Base
from app.models.post import Post
from app.models.user import User

UNREAD = text("read_at IS NULL AND held_by = ''")
READ = text("read_at IS NOT NULL")
HELD = text("held_by <> ''")


class Activity(Base):
    """One event. It is told once, however often the cause repeats: unique by (person, kind, subject)."""

    __tablename__ = "activity"
    __table_args__ = (
        UniqueConstraint("user_id", "kind", "subject"),
        # The page, newest first, by the reader's clock.
        Index("ix_activity_user_id_timestamp", "user_id", "timestamp", "id"),
        # The badge and the mail: read rows are not in it, however many there are.
        Index("ix_activity_unread", "user_id", "kind", sqlite_where=UNREAD, postgresql_where=UNREAD),
        Index("ix_activity_post_id", "post_id"),  # a post that goes takes its events along
        Index("ix_activity_actor_id", "actor_id"),  # and so does an account
        # Pruning; only read rows are in it, or a planner would use it to find unread ones.
        Index("ix_activity_read_at", "read_at", sqlite_where=READ, postgresql_where=READ),
        # The drawer.
        Index("ix_activity_held", "user_id", "timestamp", "id", sqlite_where=HELD, postgresql_where=HELD),
        {"sqlite_autoincrement": True},  # an id is never used twice
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))  # whom it concerns
    kind: Mapped[str] = mapped_column(String(32))  # a name in app/notifications/kinds.py
    subject: Mapped[str] = mapped_column(String(64))  # what makes it one event: an id of the cause
    # Unix seconds of the reader's own clock, so in commit order: who was shown this one could see every older one.
    timestamp: Mapped[float] = mapped_column(Double)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))  # who did it
    post_id: Mapped[int | None] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))  # in which post
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # what else its sentence needs
    # The filter that keeps it from the reader: "" for none, else "not_following" or "new_account".
    held_by: Mapped[str] = mapped_column(String(16), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # told by mail

    actor: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[actor_id])
    post: Mapped[Post | None] = relationship(lazy="raise")
