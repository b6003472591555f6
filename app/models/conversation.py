"""Conversations, and the membership of each user."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.clock import now
from app.core.database import UtcDateTime
from app.extensions import Base
from app.models.user import User

UNREAD = text("newest_seq > read_seq")


class Conversation(Base):
    """A conversation. Two people have at most one, found by `pair_key`; a group of up to twelve has no `pair_key`."""

    __tablename__ = "conversation"
    # Counts the conversations that a user began recently, for the rate limit.
    __table_args__ = (Index("ix_conversation_started_by_id", "started_by_id", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_key: Mapped[str | None] = mapped_column(String(48), unique=True)  # "3:17", lower id first; None for a group
    name: Mapped[str] = mapped_column(String(80), default="", server_default="")  # of a group; "" = members' names
    # The seq of the newest message. Sending locks this row until the commit, so seqs are in commit order: a reader who
    # can see message 7 can see all earlier ones.
    newest_seq: Mapped[int] = mapped_column(default=0)
    # Incremented by every change to existing content (edit, unsend, rename): open pages ask for newer changes.
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    started_by_id: Mapped[int | None]  # no foreign key: it is only counted, and ids are never reused
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=now)

    @property
    def is_group(self) -> bool:
        """Return whether it is a group, even if few members are left."""
        return self.pair_key is None


class ConversationMember(Base):
    """One user's membership of a conversation: state, read position, mute and draft."""

    __tablename__ = "conversation_member"
    __table_args__ = (
        # The unread count. Contains only memberships with unread messages.
        Index("ix_conversation_member_unread", "user_id", sqlite_where=UNREAD, postgresql_where=UNREAD),
        # The inbox and the message requests: conversations in one state, by latest message.
        Index("ix_conversation_member_inbox", "user_id", "state", "newest_message_id"),
    )

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # "new": no message yet; "accepted"; "request": a message request that this user has not answered; "declined";
    # "left": a former member of a group.
    state: Mapped[str] = mapped_column(String(8), default="accepted", server_default="accepted")
    newest_seq: Mapped[int] = mapped_column(default=0)  # of the newest message by another member
    newest_message_id: Mapped[int] = mapped_column(default=0)  # the newest that this user can see, own ones included
    read_seq: Mapped[int] = mapped_column(default=0)  # up to here, messages were shown to this user
    delivered_seq: Mapped[int] = mapped_column(default=0, server_default="0")  # up to here, polls fetched messages
    mailed_seq: Mapped[int] = mapped_column(default=0)  # up to here, emails mentioned messages
    joined_seq: Mapped[int] = mapped_column(default=0, server_default="0")  # only later messages are visible
    left_seq: Mapped[int | None]  # the newest message when this user left the group
    # No badge, no email, no push. A job (app/messages/jobs.py) resets it at `muted_until`, which queries needn't check.
    muted: Mapped[bool] = mapped_column(default=False, server_default=false())
    muted_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None while muted: no end
    draft: Mapped[str] = mapped_column(Text, default="", server_default="")  # text that has not been sent yet

    conversation: Mapped[Conversation] = relationship(lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")
