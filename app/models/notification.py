"""Notifications, which open pages get by polling, and the clocks that give notifications their timestamps."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base


class NotificationClock(Base):
    """The clock of a user, from which the user's notifications and events get their timestamps.

    A transaction that advances the clock locks this row until the commit, so timestamps follow commit order.
    """

    __tablename__ = "notification_clock"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    last: Mapped[float] = mapped_column(Double, default=0.0)  # Unix seconds of the newest notification


class Notification(Base):
    """A state that polls return to a user's open pages, such as a badge count.

    There is one row for each combination of user, name and subject. It contains the complete latest state, which
    replaces earlier states. It is therefore harmless if a client receives the same row twice.
    """

    __tablename__ = "notification"
    # Polls, which read the notifications after `since`, oldest first.
    __table_args__ = (Index("ix_notification_user_id_timestamp", "user_id", "timestamp"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    data: Mapped[Any] = mapped_column(JSON)
    timestamp: Mapped[float] = mapped_column(Double)  # from the user's clock
