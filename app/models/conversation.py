"""Conversations and their members."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base
from app.models.user import User

UNREAD = text("newest_seq > read_seq")


class Conversation(Base):
    """A conversation between two users, or a group.

    Two users share only one conversation. It is found by `pair_key`.
    """

    __tablename__ = "conversation"
    # The rate limit, which counts the conversations that a user started recently.
    __table_args__ = (Index("ix_conversation_started_by_id", "started_by_id", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_key: Mapped[str | None] = mapped_column(String(48), unique=True)  # "3:17", lower id first; None for a group
    name: Mapped[str] = mapped_column(String(80), default="", server_default="")  # of a group; "" = members' names
    # The seq of the newest message. Sending locks this row until the commit, so seqs follow commit order: when message
    # 7 is visible, all earlier messages are too.
    newest_seq: Mapped[int] = mapped_column(default=0)
    # Incremented by each change of a message or the group. Open pages request the changes after the revision they show.
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    started_by_id: Mapped[int | None]  # no foreign key, because it is only used for counting, and ids are never reused
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=now)

    @property
    def is_group(self) -> bool:
        """Whether this is a group. A group remains a group when only two members are left."""
        return self.pair_key is None


class MemberState(StrEnum):
    """The state of a user's membership in a conversation."""

    NEW = "new"  # the conversation has no message yet
    ACCEPTED = "accepted"
    REQUEST = "request"  # a message request that this user has not answered
    DECLINED = "declined"
    LEFT = "left"  # a former member of a group


class ConversationMember(Base):
    """The membership of a user in a conversation: state, read position, mute and draft."""

    __tablename__ = "conversation_member"
    __table_args__ = (
        # The unread count. A partial index with only the memberships that have unread messages.
        Index("ix_conversation_member_unread", "user_id", sqlite_where=UNREAD, postgresql_where=UNREAD),
        # The inbox and the message requests: conversations in one state, by latest message.
        Index("ix_conversation_member_inbox", "user_id", "state", "newest_message_id"),
    )

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(String(8), default=MemberState.ACCEPTED, server_default="accepted")
    newest_seq: Mapped[int] = mapped_column(default=0)  # of the newest message by another member
    newest_message_id: Mapped[int] = mapped_column(default=0)  # of the newest message that this user can see
    read_seq: Mapped[int] = mapped_column(default=0)  # messages up to this one were shown to this user
    delivered_seq: Mapped[int] = mapped_column(default=0, server_default="0")  # polls fetched messages up to this one
    mailed_seq: Mapped[int] = mapped_column(default=0)  # messages up to this one were sent in emails
    joined_seq: Mapped[int] = mapped_column(default=0, server_default="0")  # this user sees only later messages
    left_seq: Mapped[int | None]  # of the newest message when this user left the group
    # Muted: no badge, email or push. At `muted_until`, a job sets this column to False (app/messages/jobs.py), so that
    # queries need to check only this column.
    muted: Mapped[bool] = mapped_column(default=False, server_default=false())
    muted_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None while `muted`: the mute has no end
    draft: Mapped[str] = mapped_column(Text, default="", server_default="")  # text that has not been sent yet

    conversation: Mapped[Conversation] = relationship(lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")
