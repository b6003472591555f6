"""The states that the poller delivers, and the clock that orders them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base


class NotificationClock(Base):
    """A user's own clock. It only moves forward, in commit order: its row stays locked until the commit."""

    __tablename__ = "notification_clock"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    last: Mapped[float] = mapped_column(Double, default=0.0)  # Unix seconds of the newest notification


class Notification(Base):
    """The latest full state per (user, name, subject). Delivery is idempotent."""

    __tablename__ = "notification"
    # Polls: notifications newer than `since`, oldest first.
    __table_args__ = (Index("ix_notification_user_id_timestamp", "user_id", "timestamp"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    data: Mapped[Any] = mapped_column(JSON)
    timestamp: Mapped[float] = mapped_column(Double)  # from the user's clock
