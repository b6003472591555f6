"""The cached counters of a profile."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base


class ProfileCount(Base):
    """How many posts, followers and followed people a user has. Triggers maintain it (migrations/counts.py).

    It has its own table because the user's row is locked for other reasons, and is wide.
    """

    __tablename__ = "profile_count"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    posts: Mapped[int] = mapped_column(default=0, server_default="0")
    followers: Mapped[int] = mapped_column(default=0, server_default="0")
    following: Mapped[int] = mapped_column(default=0, server_default="0")
