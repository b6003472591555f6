"""Follows between users."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, true
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base


class Follow(Base):
    """A follow: `follower` sees the posts of `followed` on the home timeline.

    The primary key prevents a second row if the button is clicked twice.
    """

    __tablename__ = "follow"
    __table_args__ = (
        CheckConstraint("follower_id <> followed_id", name="not_oneself"),
        # A user's followers: counting, and paging by id.
        Index("ix_follow_followed_id", "followed_id", "follower_id"),
    )

    follower_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    followed_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # Whether the cached counters of both users include this follow. False while one of them is inactive
    # (app/profiles/counters.py).
    counted: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
