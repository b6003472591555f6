"""What people write to each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.core.database import UtcDateTime
from app.extensions import Base
from app.models.user import User


class Message(Base):
    """One message, or an event of a group. `seq` numbers it within its conversation, in commit order."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        # Exports what one person wrote, and counts what they wrote lately.
        Index("ix_message_sender_id_created_at", "sender_id", "created_at"),
        # What changed in an open conversation since it was shown.
        Index("ix_message_revision", "conversation_id", "revision"),
        {"sqlite_autoincrement": True},  # an id is never used twice
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"))
    seq: Mapped[int]
    # None: their account is deleted, and what they wrote to others stays with these.
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    # "text"; "undone": taken back within seconds, shown to nobody; in groups the events "named", "added" and "left".
    kind: Mapped[str] = mapped_column(String(8), default="text", server_default="text")
    args: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict, server_default="{}"
    )  # what an event's sentence needs
    body: Mapped[str] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, default="", server_default="")  # app/messages/search_words.py
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # for everybody; its body is "" then
    revision: Mapped[int] = mapped_column(default=0, server_default="0")  # of the conversation when this last changed
    # Two sends of one form make one message.
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)

    sender: Mapped[User | None] = relationship(lazy="raise")
    images: Mapped[list[MessageImage]] = relationship(
        lazy="raise", order_by="MessageImage.position", cascade="all, delete-orphan", passive_deletes=True
    )
    sealed: Mapped[SealedMessage | None] = relationship(lazy="raise", viewonly=True)


class MessageImage(Base):
    """A picture in a message. Only who may see the message may fetch its files (app/messages/image_storage.py)."""

    __tablename__ = "message_image"
    __table_args__ = (
        UniqueConstraint("message_id", "position"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"))
    position: Mapped[int]  # 0 to 3
    file: Mapped[str] = mapped_column(String(64), index=True)  # name in the store; the index finds files nobody names
    thumbnail: Mapped[str] = mapped_column(String(64), default="", index=True)  # "" until its job has made it
    alt: Mapped[str] = mapped_column(Text, default="")
    width: Mapped[int]  # pixels
    height: Mapped[int]


class SealedMessage(Base):
    """What a message said before its sender deleted it for everyone. Read only to make a report (app/moderation).

    The row is removed for good at `kept_until` (app/messages/jobs.py). See docs/decisions/0014-evidence.md.
    """

    __tablename__ = "sealed_message"

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    images: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)  # {"file", "alt"}; the files are kept
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    kept_until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # None: deleted, and everyone who can see that it was there may report it. Of an undone message: the ids of the
    # people who had read it. Nobody else knows that it existed.
    readers: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))


class HiddenMessage(Base):
    """A message that one person deleted for themselves."""

    __tablename__ = "hidden_message"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # The index: a message that goes takes these along.
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True, index=True)
