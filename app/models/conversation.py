"""Threads between people, and each person's membership of one."""

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
    """A thread. Between two people there is exactly one, found by `pair_key`; a group of up to twelve has none."""

    __tablename__ = "conversation"
    # How many conversations somebody began lately: strangers are written to within a limit.
    __table_args__ = (Index("ix_conversation_started_by_id", "started_by_id", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_key: Mapped[str | None] = mapped_column(String(48), unique=True)  # "3:17", lower id first; None: a group
    name: Mapped[str] = mapped_column(String(80), default="", server_default="")  # of a group; "" = its people's names
    # The number of the newest message. Sending takes this row's lock until it commits, so message numbers
    # are commit order: a reader who has seen number 7 has been able to see every number below it.
    newest_seq: Mapped[int] = mapped_column(default=0)
    # Counts every change of what is there already (edited, taken back, renamed): an open page asks for what changed.
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    started_by_id: Mapped[int | None]  # no foreign key: it is only counted, and an id is never used twice
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=now)

    @property
    def is_group(self) -> bool:
        """Whether it is a group, however few are left in it."""
        return self.pair_key is None


class ConversationMember(Base):
    """One person's membership of a conversation: how far they have read, and what they want of it."""

    __tablename__ = "conversation_member"
    __table_args__ = (
        # The unread count: only conversations that have something unread are looked at.
        Index("ix_conversation_member_unread", "user_id", sqlite_where=UNREAD, postgresql_where=UNREAD),
        # The inbox, and the tray of requests: conversations in one state by latest message.
        Index("ix_conversation_member_inbox", "user_id", "state", "newest_message_id"),
    )

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    # "new": nobody has written yet; "accepted"; "request": a stranger began, and this person has not answered yet;
    # "declined"; "left" a group.
    state: Mapped[str] = mapped_column(String(8), default="accepted", server_default="accepted")
    newest_seq: Mapped[int] = mapped_column(default=0)  # number of the newest message from somebody else
    newest_message_id: Mapped[int] = mapped_column(default=0)  # newest that this person can see, own ones included
    read_seq: Mapped[int] = mapped_column(default=0)  # the newest number that was rendered to this person
    delivered_seq: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # the newest that a poll of theirs fetched
    mailed_seq: Mapped[int] = mapped_column(default=0)  # the newest number a mail told this person about
    joined_seq: Mapped[int] = mapped_column(default=0, server_default="0")  # they see what came after this number
    left_seq: Mapped[int | None]  # they left the group when this was the newest number
    # No badge, no mail, no push. A job (app/messages/jobs.py) ends one that has a time: this alone is the truth.
    muted: Mapped[bool] = mapped_column(default=False, server_default=false())
    muted_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None while muted: until it is taken back
    draft: Mapped[str] = mapped_column(Text, default="", server_default="")  # what they were writing

    conversation: Mapped[Conversation] = relationship(lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")
