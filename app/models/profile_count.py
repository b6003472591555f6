"""The cached counters of profiles."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base


class ProfileCount(Base):
    """How many posts, followers and followed users a user has. Triggers maintain the counters (migrations/counts.py).

    The counters are not columns of User, because each change of a counter would rewrite a wide row, and would wait if
    the row is locked for another reason.
    """

    __tablename__ = "profile_count"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    posts: Mapped[int] = mapped_column(default=0, server_default="0")
    followers: Mapped[int] = mapped_column(default=0, server_default="0")
    following: Mapped[int] = mapped_column(default=0, server_default="0")
