"""Reports, their evidence, and the audit log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.user import User


class ReportState(StrEnum):
    """The state of a report: open or resolved."""

    OPEN = "open"
    RESOLVED = "resolved"


class Report(Base):
    """A user's report of messages, a post or a person. Its evidence is a copy of the reported content."""

    __tablename__ = "report"
    __table_args__ = (
        Index("ix_report_state", "state", "id"),  # the moderators' queue, oldest first
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversation.id", ondelete="SET NULL"), index=True)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    kind: Mapped[str] = mapped_column(String(8), default="messages", server_default="messages")  # or "post", "person"
    post_id: Mapped[int | None]  # no foreign key, because the report is kept when the post is deleted
    accused_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    accused_name: Mapped[str] = mapped_column(String(64))  # the username at the time of the report
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(8), default=ReportState.OPEN)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The signature of the note and the evidence (app/moderation/evidence.py). Reports made before signatures existed
    # have only the digest, and "" as `signature` and `key_id`.
    seal: Mapped[str] = mapped_column(String(64))  # SHA-256 of the signed text, in hex
    signature: Mapped[str] = mapped_column(String(96), default="", server_default="")  # Ed25519, in Base64
    key_id: Mapped[str] = mapped_column(String(16), default="", server_default="")  # of the signing key
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)  # so that a form creates only one report

    reporter: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[reporter_id])
    accused: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[accused_id])
    assignee: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[assignee_id])
    evidence: Mapped[list[ReportedMessage]] = relationship(
        lazy="raise", order_by="ReportedMessage.seq", cascade="all, delete-orphan", passive_deletes=True
    )


class ReportedMessage(Base):
    """A copy of a message, post or profile, made when it was reported.

    | column      | of a message     | of a post               | of a profile             |
    |-------------|------------------|-------------------------|--------------------------|
    | seq         | its seq          | 0                       | 0                        |
    | sender_name | the sender       | the author              | the user                 |
    | body        | its text         | its text                | "about me"               |
    | sent_at     | when it was sent | when it was posted      | when the user registered |
    | images      | its images       | its images              | the uploaded avatar      |
    | facts       | none             | language; author's name | display name             |

    The facts of a post include its content warning, the options of its poll and the post that it quotes, if it has
    them.
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
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # if the sender had deleted it before the report
    # If not "", the reporter may not see the content. The signed text then contains a salted digest of it instead.
    salt: Mapped[str] = mapped_column(String(32), default="", server_default="")


class AuditEntry(Base):
    """An entry of the audit log: something that a moderator viewed or did. Entries are never changed.

    Usernames are stored in addition to ids, because the accounts may be deleted.
    """

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
