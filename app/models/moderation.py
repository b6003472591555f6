"""Reports, their evidence, and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.core.database import UtcDateTime
from app.extensions import Base
from app.models.user import User


class Report(Base):
    """A member's report of messages, a post or a person. The evidence is a copy of exactly that."""

    __tablename__ = "report"
    __table_args__ = (
        Index("ix_report_state", "state", "id"),  # the queue, oldest first
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversation.id", ondelete="SET NULL"), index=True)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    kind: Mapped[str] = mapped_column(String(8), default="messages", server_default="messages")  # or "post", "person"
    post_id: Mapped[int | None]  # no foreign key: the report outlives the post, and ids are never reused
    accused_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    accused_name: Mapped[str] = mapped_column(String(64))  # the username at the time of the report
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(8), default="open")  # "open" or "resolved"
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The signature over note and evidence (app/moderation/evidence.py). Reports from before signatures existed have
    # only a digest, and "" in the other two columns.
    seal: Mapped[str] = mapped_column(String(64))  # SHA-256 of the signed text, in hex
    signature: Mapped[str] = mapped_column(String(96), default="", server_default="")  # Ed25519, in Base64
    key_id: Mapped[str] = mapped_column(String(16), default="", server_default="")  # of the key that signed
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)  # one report per submitted form

    reporter: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[reporter_id])
    accused: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[accused_id])
    assignee: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[assignee_id])
    evidence: Mapped[list[ReportedMessage]] = relationship(
        lazy="raise", order_by="ReportedMessage.seq", cascade="all, delete-orphan", passive_deletes=True
    )


class ReportedMessage(Base):
    """A copy of one message, post or profile as it was when it was reported. Later changes do not affect it.

    | column      | message  | post           | profile             |
    |-------------|----------|----------------|---------------------|
    | seq         | its seq  | 0              | 0                   |
    | sender_name | sender   | author         | username            |
    | body        | text     | text           | "about me"          |
    | sent_at     | sent     | posted         | registered          |
    | images      | images   |                | uploaded avatar     |
    | facts       |          | language, name | name (as displayed) |
    """

    __tablename__ = "reported_message"
    __table_args__ = (UniqueConstraint("report_id", "seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id", ondelete="CASCADE"))
    seq: Mapped[int]
    sender_name: Mapped[str] = mapped_column(String(64))  # the username at the time of the report
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    images: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list
    )  # {"file", "alt", "sha256"}; the files are kept
    facts: Mapped[dict[str, str]] = mapped_column(JSON, default=dict, server_default="{}")
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # if its sender had deleted it before the report
    # If not "", the content is withheld from the reporter, and the signed text contains a salted digest in its place.
    salt: Mapped[str] = mapped_column(String(32), default="", server_default="")


class AuditEntry(Base):
    """One thing that a moderator viewed or did. Append-only; the names outlive the accounts."""

    __tablename__ = "audit_entry"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    actor_name: Mapped[str] = mapped_column(String(64))  # "" = the command line
    # "looked", "assigned", "released", "resolved", "warned", "removed", "suspended", "reinstated", "role"
    action: Mapped[str] = mapped_column(String(16))
    report_id: Mapped[int | None] = mapped_column(ForeignKey("report.id", ondelete="SET NULL"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    person_name: Mapped[str] = mapped_column(String(64), default="")
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
