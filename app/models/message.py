"""Messages, their images, and what happens to deleted ones."""

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
        # Rate limits, and the deletion of an account: one sender's messages, and their recent ones.
        Index("ix_message_sender_id_created_at", "sender_id", "created_at"),
        # Changes in a conversation since a page was rendered.
        Index("ix_message_revision", "conversation_id", "revision"),
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"))
    seq: Mapped[int]
    # None: the sender's account was deleted; other members keep the message.
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    # "text"; "undone": unsent in the undo window, visible to no member; in groups the events "named", "added", "left".
    kind: Mapped[str] = mapped_column(String(8), default="text", server_default="text")
    args: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict, server_default="{}"
    )  # the arguments of an event's sentence
    body: Mapped[str] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, default="", server_default="")  # app/messages/search_words.py
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # for everyone; the body is "" then
    revision: Mapped[int] = mapped_column(default=0, server_default="0")  # of the conversation at its last change
    # Unique, so that submitting a form twice makes one message.
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)

    sender: Mapped[User | None] = relationship(lazy="raise")
    images: Mapped[list[MessageImage]] = relationship(
        lazy="raise", order_by="MessageImage.position", cascade="all, delete-orphan", passive_deletes=True
    )
    sealed: Mapped[SealedMessage | None] = relationship(lazy="raise", viewonly=True)


class MessageImage(Base):
    """An image of a message. Only users who may see the message may fetch its files (app/messages/image_storage.py)."""

    __tablename__ = "message_image"
    __table_args__ = (
        UniqueConstraint("message_id", "position"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"))
    position: Mapped[int]  # 0 to 3
    file: Mapped[str] = mapped_column(String(64), index=True)  # name in the store; indexed to find unused files
    thumbnail: Mapped[str] = mapped_column(String(64), default="", index=True)  # "" until the job has run
    alt: Mapped[str] = mapped_column(Text, default="")
    width: Mapped[int]  # pixels
    height: Mapped[int]


class SealedMessage(Base):
    """The content of a message from before its sender deleted it. Read only to make a report (app/moderation).

    The row is deleted at `kept_until` (app/messages/jobs.py). See docs/decisions/0014-evidence.md.
    """

    __tablename__ = "sealed_message"

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    images: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)  # {"file", "alt"}; the files are kept
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    kept_until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # None: deleted for everyone; every member who sees the note may report it. For an unsent message: the ids of the
    # users who had read it, as other members don't know that it existed.
    readers: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))


class HiddenMessage(Base):
    """A message that one user deleted for themselves."""

    __tablename__ = "hidden_message"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # The index serves the cascade when a message is deleted.
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True, index=True)
