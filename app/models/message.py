"""Messages, their images, messages that a user deleted for themselves, and kept copies of deleted messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.image import AttachedImage
from app.models.user import User


class Message(Base):
    """A message, or an event of a group. `seq` is its number within the conversation, in commit order."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        # Rate limits and account deletion, which read the messages of one sender.
        Index("ix_message_sender_id_created_at", "sender_id", "created_at"),
        # Changes in a conversation since a page was rendered.
        Index("ix_message_revision", "conversation_id", "revision"),
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"))
    seq: Mapped[int]
    # None after the sender's account was deleted: the other members keep the message.
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    # "text"; "undone" (unsent in the undo window, no longer visible); or an event of a group: "named", "added", "left".
    kind: Mapped[str] = mapped_column(String(8), default="text", server_default="text")
    args: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict, server_default="{}"
    )  # arguments for the text of an event
    body: Mapped[str] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, default="", server_default="")  # app/messages/search_words.py
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it was deleted for everyone; body is ""
    # The conversation's `revision` when this message was last changed.
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    # Unique, so that a form that is submitted twice creates one message.
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)

    sender: Mapped[User | None] = relationship(lazy="raise")
    images: Mapped[list[MessageImage]] = relationship(
        lazy="raise", order_by="MessageImage.position", cascade="all, delete-orphan", passive_deletes=True
    )
    sealed: Mapped[SealedMessage | None] = relationship(lazy="raise", viewonly=True)


class MessageImage(AttachedImage, Base):
    """An image in a message.

    Its files are served only to users who can see the message (app/messages/image_routes.py).
    """

    __tablename__ = "message_image"
    __table_args__ = (
        UniqueConstraint("message_id", "position"),
        {"sqlite_autoincrement": True},
    )

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"))


class SealedMessage(Base):
    """The content of a message that its sender deleted or unsent, kept so that the message can be reported.

    Members can't see this content. The row is deleted at `kept_until` (app/messages/jobs.py). See
    docs/decisions/0014-evidence.md.
    """

    __tablename__ = "sealed_message"

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    images: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)  # {"file", "alt"}; the files are kept
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    kept_until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # The ids of the users who may report an unsent message: those who had read it. (Others don't know that it existed.)
    # None for a message that was deleted for everyone: all members who see this may report it.
    readers: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))


class HiddenMessage(Base):
    """A message that a user has deleted only for themselves. Other members still see it."""

    __tablename__ = "hidden_message"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # The index is for the cascade when a message is deleted.
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True, index=True)
