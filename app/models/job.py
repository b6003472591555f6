"""Background jobs. Each job is stored as a row.

Redis only passes job ids to the workers. If Redis loses an id, the scheduler passes it to Redis again.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base

# The conditions of partial indexes. A query must contain them literally: with "state = ?", SQLite would not use the
# index, and would read finished jobs too.
IS_OPEN = text("state IN ('queued', 'running')")
IS_QUEUED = text("state = 'queued'")


def job_id() -> str:
    """Return an id for a new job.

    RQ uses the same id. If the job sends an email, the email's Message-ID begins with this id.
    """
    return uuid.uuid4().hex


class Job(Base):
    """A job. Its state changes from queued to running, then to done or failed. A retry changes it back to queued."""

    __tablename__ = "job"
    __table_args__ = (
        # The scheduler: due jobs, and jobs whose worker died. A partial index without finished jobs.
        Index(
            "ix_job_open",
            "state",
            "run_after",
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
        # At most one queued job for each unique key, so that a job that is enqueued twice runs once.
        Index(
            "uq_job_waiting",
            "unique_key",
            unique=True,
            sqlite_where=IS_QUEUED,
            postgresql_where=IS_QUEUED,
        ),
        Index("ix_job_owner_id_queued_at", "owner_id", "queued_at"),  # the page of a user's tasks
        Index("ix_job_finished_at", "finished_at"),  # deleting old jobs
        Index("ix_job_name_queued_at", "name", "queued_at"),  # when a periodic job was last enqueued
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
    crashes: Mapped[int] = mapped_column(default=0)  # attempts whose worker died
    error: Mapped[str] = mapped_column(Text, default="")  # of the last attempt, for the operator
    result: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)  # small; shown to the owner

    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    run_after: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    pushed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it was last pushed to Redis
    run_token: Mapped[str | None] = mapped_column(String(32))  # identifies the attempt that has the lease
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the latest heartbeat of that attempt
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
