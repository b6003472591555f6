"""Posts that wait for the time at which they are published."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.post import WARNING_LENGTH
from app.models.user import User


class ScheduledPost(Base):
    """A post that will be published at `publish_at`. Only its author can see it.

    It has its own table, so that no query of posts can find it. Publishing it deletes the row.
    """

    __tablename__ = "scheduled_post"
    __table_args__ = (
        Index("ix_scheduled_post_author_id_publish_at", "author_id", "publish_at"),  # the author's list
        Index("ix_scheduled_post_publish_at", "publish_at"),  # posts whose job was lost
        {"sqlite_autoincrement": True},  # ids are never reused, because jobs contain them
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    body: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(16), default="")
    visibility: Mapped[str] = mapped_column(String(12))
    warning: Mapped[str] = mapped_column(String(WARNING_LENGTH), default="")
    publish_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Why it wasn't published at that time, in the author's language; "" = it waits for the time.
    refusal: Mapped[str] = mapped_column(Text, default="")
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)  # as in Post
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    author: Mapped[User] = relationship(lazy="raise")
