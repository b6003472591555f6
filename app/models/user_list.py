"""Lists of people."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base

NAME_POINTS = 64  # code points: the width of the column


class UserList(Base):
    """A list of people that a member made. Other users can't see it."""

    __tablename__ = "user_list"
    __table_args__ = (
        # Prevents a second list if the button is clicked twice, and finds a member's lists.
        UniqueConstraint("user_id", "name"),
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(NAME_POINTS))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class UserListMember(Base):
    """A person on a list. They don't learn of it."""

    __tablename__ = "user_list_member"

    list_id: Mapped[int] = mapped_column(ForeignKey("user_list.id", ondelete="CASCADE"), primary_key=True)
    # The index is for removing a person from all lists, when they are blocked or deleted.
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
