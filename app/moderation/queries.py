"""Queries that only moderation uses.

A report is visible only to its reporter and to moderators who are not involved in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload, selectinload

from app.core import roles
from app.core.time import now
from app.extensions import db
from app.lib.text.names import username_key
from app.models import (
    AuditEntry,
    Conversation,
    ConversationMember,
    MemberState,
    Message,
    Post,
    Report,
    ReportedMessage,
    SealedMessage,
    User,
)
from app.queries import quotes, timelines, visibility

HISTORY = 100  # maximum number of audit log entries shown below a report


# --- What a member may report


def conversation(viewer: User, conversation_id: int) -> Conversation | None:
    """Return the conversation with that id, or None if the viewer is not a member."""
    mine = ConversationMember
    inside = and_(mine.conversation_id == Conversation.id, mine.user_id == viewer.id, mine.state != MemberState.LEFT)
    return db.session.scalar(select(Conversation).join(mine, inside).where(Conversation.id == conversation_id))


def reportable(viewer: User, conversation_id: int) -> Select[Message]:
    """Select the messages of a conversation that the viewer may report, with `sender`, `images` and `sealed` loaded.

    These are the messages that the viewer can see, except events of the group. A deleted message is included while its
    SealedMessage exists. An unsent message is included while its SealedMessage exists, if the viewer had read the
    message.
    """
    mine = aliased(ConversationMember)
    inside = and_(mine.conversation_id == conversation_id, mine.user_id == viewer.id, mine.state != MemberState.LEFT)
    kept = and_(SealedMessage.message_id == Message.id, SealedMessage.kept_until > now())
    has_words = or_(Message.deleted_at.is_(None), SealedMessage.message_id.is_not(None))
    seen = and_(Message.kind == "text", has_words, visibility.message_is_shown(mine))
    taken_back = Message.id.in_(_unsent_after_reading(viewer, conversation_id))
    return (
        select(Message)
        .join(mine, inside)
        .outerjoin(SealedMessage, kept)
        .where(Message.conversation_id == conversation_id, or_(seen, taken_back))
        .options(joinedload(Message.sender), selectinload(Message.images), contains_eager(Message.sealed))
    )


def _unsent_after_reading(viewer: User, conversation_id: int) -> list[int]:
    """Return the ids of the messages that were unsent after the viewer had read them, and that have a SealedMessage."""
    taken_back = (
        select(SealedMessage.message_id, SealedMessage.readers)
        .join(Message, Message.id == SealedMessage.message_id)
        .where(Message.conversation_id == conversation_id, Message.kind == "undone", SealedMessage.kept_until > now())
    )
    return [message_id for message_id, readers in db.session.execute(taken_back) if viewer.id in (readers or ())]


def post(viewer: User, post_id: int) -> Post | None:
    """Return the post with that id, its author and the quoted post, or None if the viewer can't see it."""
    found = timelines.one(viewer, post_id)
    quotes.load(viewer, [found] if found else [])
    return found


def is_blocked_either_way(one: User, other: User) -> bool:
    """Return whether either user blocks the other."""
    return bool(db.session.scalar(select(visibility.blocked_between(one.id, other.id))))


def blocked_by(viewer: User, user_ids: Collection[int]) -> set[int]:
    """Return the ids of the users among `user_ids` whom the viewer blocks."""
    blocked = select(User.id).where(User.id.in_(user_ids), visibility.is_blocking(viewer.id, User.id))
    return set(db.session.scalars(blocked)) if user_ids else set()


def selected_messages(viewer: User, conversation_id: int, seqs: Collection[int]) -> Sequence[Message]:
    """Return the messages with these numbers in the conversation, oldest first, reloaded from the database.

    Messages that the viewer may not report are left out.
    """
    these = reportable(viewer, conversation_id).where(Message.seq.in_(seqs)).order_by(Message.seq)
    return db.session.scalars(these.execution_options(populate_existing=True)).all()


# --- Reports


def involves(person: User) -> ColumnElement[bool]:
    """Return an SQL condition: whether `person` is involved in a report, and therefore may not moderate it.

    The reporter, the accused user and the senders of messages in the evidence are involved.
    """
    wrote = exists().where(ReportedMessage.report_id == Report.id, ReportedMessage.sender_name == person.username)
    return or_(
        Report.reporter_id.is_not_distinct_from(person.id), Report.accused_id.is_not_distinct_from(person.id), wrote
    )


def queue(moderator: User, state: str) -> Select[Report]:
    """Select the reports with this state ("open" or "resolved") that don't involve the moderator."""
    return _with_evidence(select(Report).where(Report.state == state, ~involves(moderator)))


def get_visible(moderator: User, report_id: int) -> Report | None:
    """Return the report with that id and its evidence, or None if it doesn't exist or involves the moderator."""
    found = _with_evidence(select(Report).where(Report.id == report_id, ~involves(moderator)))
    return db.session.scalar(found.options(selectinload(Report.evidence)))


def own_report(reporter: User, report_id: int) -> Report | None:
    """Return the report with that id and its evidence, or None if `reporter` has made no report with that id."""
    mine = select(Report).where(Report.id == report_id, Report.reporter_id == reporter.id)
    return db.session.scalar(mine.options(selectinload(Report.evidence)))


def evidence_counts(reports: Collection[Report]) -> dict[int, int]:
    """Return the number of evidence items of each report, by report id."""
    held = ReportedMessage.report_id
    counted = select(held, func.count()).where(held.in_([report.id for report in reports])).group_by(held)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def moderators(report_id: int) -> Sequence[User]:
    """Return the active moderators and admins who are not involved in this report."""
    able = (User.role.in_(roles.roles_at_least("moderator")), User.active)
    wrote = select(ReportedMessage.sender_name).where(ReportedMessage.report_id == report_id)
    party = exists().where(Report.id == report_id, or_(Report.reporter_id == User.id, Report.accused_id == User.id))
    return db.session.scalars(select(User).where(*able, ~party, User.username.not_in(wrote)).order_by(User.id)).all()


def reported_post(moderator: User, report: Report) -> tuple[bool, bool]:
    """Return whether the reported post still exists, and whether the moderator can open its page."""
    can_open = visibility.post_is_visible(moderator.id)
    post = select(can_open).select_from(Post).join(Post.author).where(Post.id == report.post_id)
    found = db.session.execute(post).first()
    return found is not None, bool(found and found[0])


def post_of_report(report: Report) -> Post | None:
    """Return the reported post with its author, whoever can see it; None if the report isn't about an existing post."""
    post = select(Post).join(Post.author).where(Post.id == report.post_id).options(contains_eager(Post.author))
    return db.session.scalar(post) if report.kind == "post" else None


def has_viewed_evidence(moderator: User, report: Report) -> bool:
    """Return whether the audit log records that this moderator viewed the report's evidence."""
    looked = (
        AuditEntry.report_id == report.id,
        AuditEntry.actor_id == moderator.id,
        AuditEntry.action == "looked",
    )
    return db.session.scalar(select(AuditEntry.id).where(*looked).limit(1)) is not None


# --- The log


def log(moderator: User, *, report_id: int | None = None, person: str = "") -> Select[AuditEntry]:
    """Select the entries of the audit log, except entries about reports that involve the moderator.

    With `report_id`, select only entries about that report. With `person`, select only actions by or on the user of
    that name.
    """
    entries = select(AuditEntry).outerjoin(Report, Report.id == AuditEntry.report_id)
    entries = entries.where(or_(AuditEntry.report_id.is_(None), ~involves(moderator)))
    if report_id is not None:
        entries = entries.where(AuditEntry.report_id == report_id)
    if person:
        entries = entries.where(_is_by_or_about(person))
    return entries


def evidence_files(reporter_id: int) -> set[str]:
    """Return the names of the image files in the reports that a user made within the last day."""
    recent = (Report.reporter_id == reporter_id, Report.created_at > now() - timedelta(days=1))
    rows = db.session.scalars(select(ReportedMessage.images).join(Report).where(*recent))
    return {image["file"] for images in rows for image in images}


def history(report: Report) -> Sequence[AuditEntry]:
    """Return the newest audit log entries about a report, at most HISTORY, newest first."""
    done = select(AuditEntry).where(AuditEntry.report_id == report.id).order_by(AuditEntry.id.desc()).limit(HISTORY)
    return db.session.scalars(done).all()


def _is_by_or_about(name: str) -> ColumnElement[bool]:
    """Return an SQL condition: whether an audit log entry is by or about the user `name`.

    The condition compares `name` with the usernames in the entry. It also compares the id of the account with this
    username with the ids in the entry, so that the case of `name` doesn't matter.
    """
    account = select(User.id).where(User.username_key == username_key(name)).scalar_subquery()
    entry = AuditEntry
    return or_(
        entry.actor_name == name, entry.person_name == name, entry.actor_id == account, entry.person_id == account
    )


# --- People


def by_name(name: str) -> User | None:
    """Return the user with that username, or None. Inactive users are found too."""
    return db.session.scalar(select(User).where(User.username_key == username_key(name)))


def accounts(role: str) -> Select[User]:
    """Select the accounts with `role`, or all accounts if `role` is "", in the order of their ids."""
    accounts = select(User).order_by(User.id)
    return accounts.where(User.role == role) if role else accounts


def _with_evidence(reports: Select[Report]) -> Select[Report]:
    return reports.options(joinedload(Report.reporter), joinedload(Report.accused), joinedload(Report.assignee))
