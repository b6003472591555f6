"""Web Push subscriptions of browsers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base


class PushSubscription(Base):
    """A browser's push subscription. It belongs to a login, so logging out stops the pushes."""

    __tablename__ = "push_subscription"
    __table_args__ = (
        Index("ix_push_subscription_user_id", "user_id"),  # the browsers of a user who is notified
        Index("ix_push_subscription_login_id", "login_id"),  # ending a login deletes its subscriptions
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    login_id: Mapped[str] = mapped_column(ForeignKey("login_session.id", ondelete="CASCADE"))
    endpoint: Mapped[str] = mapped_column(Text)
    endpoint_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256, as an endpoint is too long to index
    p256dh: Mapped[str] = mapped_column(String(128))  # the browser's public key, base64url
    auth: Mapped[str] = mapped_column(String(64))  # its shared secret, base64url
    # A time of the user's clock. This browser has been notified of everything up to this time.
    synced_until: Mapped[float] = mapped_column("told_until", Double, default=0.0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
