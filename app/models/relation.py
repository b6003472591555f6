"""Blocks and mutes between users, and mutes of threads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base


class Block(Base):
    """A block: `blocker` blocks `blocked`. The two users then don't see each other (app/queries/visibility.py)."""

    __tablename__ = "block"
    __table_args__ = (CheckConstraint("blocker_id <> blocked_id", name="not_oneself"),)

    blocker_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # The index is for finding the users who block someone.
    blocked_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Mute(Base):
    """A mute: `muter` does not see posts and notifications from `muted`.

    `muted` is not informed. After unmuting, `muter` sees these posts and notifications again.
    """

    __tablename__ = "mute"
    __table_args__ = (CheckConstraint("muter_id <> muted_id", name="not_oneself"),)

    muter_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    muted_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    # When the mute ends; None = never. A job then deletes the row (app/privacy/jobs.py), so that queries only need to
    # check whether a row exists.
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ThreadMute(Base):
    """A mute of a thread: `user` gets no notifications about its posts. The posts stay visible."""

    __tablename__ = "thread_mute"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # One of `visibility.thread_roots`. No foreign key: replies keep the id of a deleted root, and the mute goes on.
    root_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
