"""Work that was ordered. The row is the truth; Redis only carries its id to a worker sooner."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.database import UtcDateTime
from app.extensions import Base


def job_id() -> str:
    """A new job's id: also its id in RQ, and the left half of the Message-ID of a mail it sends."""
    return uuid.uuid4().hex


class Job(Base):
    """One ordered job: queued -> running -> done or failed. A retry goes back to queued."""

    __tablename__ = "job"
    __table_args__ = (
        # The scheduler: what is due, and what a dead worker left behind. Finished jobs are not in it.
        Index(
            "ix_job_open",
            "state",
            "run_after",
            sqlite_where=text("state IN ('queued', 'running')"),
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        # At most one waiting job for each unique key (one "you have a message" mail for a conversation).
        Index(
            "uq_job_waiting",
            "unique_key",
            unique=True,
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index("ix_job_owner_id_queued_at", "owner_id", "queued_at"),  # "my tasks"
        Index("ix_job_finished_at", "finished_at"),  # pruning
        Index("ix_job_name_queued_at", "name", "queued_at"),  # when a periodic job was ordered last
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=job_id)
    name: Mapped[str] = mapped_column(String(64))
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    queue: Mapped[str] = mapped_column(String(16))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    unique_key: Mapped[str | None] = mapped_column(String(128))

    state: Mapped[str] = mapped_column(String(8), default="queued")
    progress: Mapped[int] = mapped_column(default=0)  # per cent
    attempts: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)  # attempts that ended without a word
    error: Mapped[str] = mapped_column(Text, default="")  # for the operator: what the last attempt raised
    result: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)  # small: what the owner may fetch

    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    run_after: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    pushed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # last handed to Redis
    run_token: Mapped[str | None] = mapped_column(String(32))  # names the attempt that holds the job
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # that attempt was alive
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
