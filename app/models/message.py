"""What people write to each other, and how far each has read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import now
from app.database import UtcDateTime
from app.extensions import Base
from app.models.user import User


class Conversation(Base):
    """A thread between people. Between two there is exactly one, found by `pair_key`."""

    __tablename__ = "conversation"

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_key: Mapped[str | None] = mapped_column(String(48), unique=True)  # "3:17", lower id first
    # The number of the newest message. Sending takes this row's lock until it commits, so message numbers
    # are commit order: a reader who has seen number 7 has been able to see every number below it.
    newest_seq: Mapped[int] = mapped_column(default=0)


class ConversationMember(Base):
    """One person's side of a conversation: how far they have read."""

    __tablename__ = "conversation_member"
    __table_args__ = (
        # The unread count: only conversations that have something unread are looked at.
        Index(
            "ix_conversation_member_unread",
            "user_id",
            sqlite_where=text("newest_seq > read_seq"),
            postgresql_where=text("newest_seq > read_seq"),
        ),
        # The inbox: conversations by latest message.
        Index("ix_conversation_member_inbox", "user_id", "newest_message_id"),
    )

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    newest_seq: Mapped[int] = mapped_column(default=0)  # number of the newest message from somebody else
    newest_message_id: Mapped[int] = mapped_column(default=0)  # newest of all, own ones included
    read_seq: Mapped[int] = mapped_column(default=0)  # the newest number that was rendered to this person
    mailed_seq: Mapped[int] = mapped_column(default=0)  # the newest number a mail told this person about

    conversation: Mapped[Conversation] = relationship(lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")


class Message(Base):
    """One message. `seq` numbers it within its conversation, in commit order."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        {"sqlite_autoincrement": True},  # an id is never used twice
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"))
    seq: Mapped[int]
    # The index exports and deletes what one person wrote.
    sender_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # Two sends of one form make one message.
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)

    sender: Mapped[User] = relationship(lazy="raise")
