"""Reports, the evidence they hold, and what moderators did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import now
from app.database import UtcDateTime
from app.extensions import Base
from app.models.user import User


class Report(Base):
    """What a member asked the moderators to look at: only the messages they ticked, as they were then."""

    __tablename__ = "report"
    __table_args__ = (
        Index("ix_report_state", "state", "id"),  # the queue, oldest first
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversation.id", ondelete="SET NULL"), index=True)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    accused_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    accused_name: Mapped[str] = mapped_column(String(64))  # the username then
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(8), default="open")  # "open" or "resolved"
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seal: Mapped[str] = mapped_column(String(64))  # SHA-256 over note and evidence, in hex (app/moderation/evidence.py)
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)  # two sends of one form make one report

    reporter: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[reporter_id])
    accused: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[accused_id])
    assignee: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[assignee_id])
    evidence: Mapped[list[ReportedMessage]] = relationship(
        lazy="raise", order_by="ReportedMessage.seq", cascade="all, delete-orphan", passive_deletes=True
    )


class ReportedMessage(Base):
    """A copy of one message as it was when it was reported: what its writer does later changes nothing here."""

    __tablename__ = "reported_message"
    __table_args__ = (UniqueConstraint("report_id", "seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id", ondelete="CASCADE"))
    seq: Mapped[int]
    sender_name: Mapped[str] = mapped_column(String(64))  # the username then
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    images: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list
    )  # {"file", "alt", "sha256"}; files are kept


class AuditEntry(Base):
    """One thing a moderator looked at or did. Rows are only ever added; names are kept for when accounts are gone."""

    __tablename__ = "audit_entry"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    actor_name: Mapped[str] = mapped_column(String(64))  # "" = the command line
    # "looked", "assigned", "released", "resolved", "warned", "suspended", "reinstated", "role"
    action: Mapped[str] = mapped_column(String(16))
    report_id: Mapped[int | None] = mapped_column(ForeignKey("report.id", ondelete="SET NULL"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    person_name: Mapped[str] = mapped_column(String(64), default="")
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
