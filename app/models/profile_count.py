"""The numbers of a profile."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base


class ProfileCount(Base):
    """How many posts, followers and people followed somebody has. Triggers write it (migrations/counts.py).

    A table of its own: the row of the person is locked for other reasons, and is wide.
    """

    __tablename__ = "profile_count"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    posts: Mapped[int] = mapped_column(default=0, server_default="0")
    followers: Mapped[int] = mapped_column(default=0, server_default="0")
    following: Mapped[int] = mapped_column(default=0, server_default="0")
