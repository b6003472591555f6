"""Users' notification settings (delivery grid and delivery profile), and the number of emails sent to them each day."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.extensions import Base


class DeliveryPreference(Base):
    """A row of a user's delivery grid: how the user is notified of one kind of event.

    For a kind without a row, the default in app/notifications/kinds.py applies.
    """

    __tablename__ = "delivery_preference"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    badge: Mapped[bool]
    push: Mapped[bool]
    mail: Mapped[str] = mapped_column(String(8))  # "none", "now", "daily" or "weekly"
    grouped: Mapped[bool]


class DeliveryProfile(Base):
    """A user's delivery settings for all kinds of events. A user without a row has the defaults.

    Times of day are in the user's time zone.
    """

    __tablename__ = "delivery_profile"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    quiet_from: Mapped[int | None]  # minutes after midnight; None = no quiet hours
    quiet_until: Mapped[int | None]
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    digest_at: Mapped[int] = mapped_column(default=8 * 60)  # minutes after midnight
    digest_weekday: Mapped[int] = mapped_column(default=0)  # of the weekly digest: 0 = Monday
    not_following: Mapped[str] = mapped_column(String(8), default="accept")  # "accept", "hold" or "drop"
    new_account: Mapped[str] = mapped_column(String(8), default="accept")


class MailTally(Base):
    """The number of emails sent to a user on one day (in UTC), for the daily limits.

    Essential emails are not counted.
    """

    __tablename__ = "mail_tally"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    sent: Mapped[int]
