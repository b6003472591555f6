"""Polls in posts: questions that readers answer by choosing options. GET /notifications is unrelated to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import UtcDateTime
from app.core.time import now
from app.extensions import Base

OPTION_LENGTH = 80  # characters
MIN_OPTIONS, MAX_OPTIONS = 2, 4


class PostPoll(Base):
    """The poll of a post. It never changes, except for its counters and `closed_at`.

    Database triggers maintain `voters` and the `votes` of the options (migrations/vote_counts.py).
    """

    __tablename__ = "post_poll"

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    is_multiple: Mapped[bool]  # whether a person can choose several options
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # When the job closed the poll, which happens soon after `ends_at`; None before. No vote is stored after it.
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    voters: Mapped[int] = mapped_column(default=0, server_default="0")

    options: Mapped[list[PostPollOption]] = relationship(
        lazy="raise", order_by="PostPollOption.position", viewonly=True
    )

    @property
    def is_over(self) -> bool:
        """Whether the poll has ended."""
        return self.closed_at is not None or self.ends_at <= now()

    def shares(self) -> Iterator[tuple[PostPollOption, int]]:
        """Yield each option with the percentage of the voters who chose it, rounded to the nearest integer."""
        for option in self.options:
            yield option, (200 * option.votes + self.voters) // (2 * self.voters) if self.voters else 0


class PostPollOption(Base):
    """An option of a poll, and how many people chose it. `position` counts from 0."""

    __tablename__ = "post_poll_option"

    post_id: Mapped[int] = mapped_column(ForeignKey("post_poll.post_id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(String(OPTION_LENGTH))
    votes: Mapped[int] = mapped_column(default=0, server_default="0")


class PostPollVote(Base):
    """A user's vote in a poll: one row, however many options they chose. It is final."""

    __tablename__ = "post_poll_vote"
    __table_args__ = (
        UniqueConstraint("post_id", "user_id"),  # one vote for each person
        Index("ix_post_poll_vote_user_id_id", "user_id", "id"),  # the data export, and closing an account
        Index("ix_post_poll_vote_post_id_id", "post_id", "id"),  # the voters to notify when the poll ends
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("post_poll.post_id", ondelete="CASCADE"))
    choices: Mapped[int] = mapped_column(SmallInteger)  # bit n is set if the option with position n was chosen
    # Whether the counters include this vote. False if the user is inactive (app/posts/counters.py).
    counted: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
