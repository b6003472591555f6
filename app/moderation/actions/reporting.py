"""Reporting messages: copies of exactly those that were ticked, as they are now, under a seal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from sqlalchemy import func, select

from app.body_text import send_key
from app.clock import now
from app.errors import Refused
from app.extensions import db
from app.i18n import _l
from app.models import Conversation, Message, Report, ReportedMessage, User
from app.moderation import evidence, queries
from app.moderation.actions.words import checked
from app.notify import record

MOST = 50  # messages in one report
A_DAY = 20  # reports by one person


def report(
    reporter: User,
    conversation_id: int,
    seqs: Collection[int],
    note: str,
    *,
    form_key: str | None,
    fingerprint: Callable[[str], str],
) -> Report:
    """Report the messages with these numbers, in a conversation that `reporter` is in, to the moderators.

    `fingerprint` gives the SHA-256 of a stored picture, in hex. A form that is sent twice makes one report. Raises
    Refused.
    """
    note = checked(note, needed=False)
    # No message is edited or deleted meanwhile, and no picture's file removed before our rows name it.
    db.session.execute(select(Conversation.id).where(Conversation.id == conversation_id).with_for_update())
    numbers = ",".join(str(seq) for seq in sorted(set(seqs)))
    key = send_key(reporter, f"{conversation_id}:{numbers}\n{note}", form_key)
    known = db.session.scalar(select(Report).where(Report.form_key == key)) if key else None
    if known is not None:
        return known
    accused, messages = _checked(reporter, conversation_id, seqs)
    made = Report(
        conversation_id=conversation_id,
        reporter_id=reporter.id,
        accused_id=accused.id if accused else None,
        accused_name=accused.username if accused else "",
        note=note,
        seal="",
        form_key=key,
        evidence=[_copy(message, fingerprint) for message in messages],
    )
    made.seal = evidence.seal(note, made.evidence)
    db.session.add(made)
    db.session.flush()
    _tell(made)
    return made


def _checked(reporter: User, conversation_id: int, seqs: Collection[int]) -> tuple[User | None, Sequence[Message]]:
    """Whom the report accuses (None: their account is deleted), and its messages."""
    if len(set(seqs)) > MOST:
        raise Refused(_l("A report holds up to %(most)d messages.", most=MOST))
    messages = queries.ticked(reporter, conversation_id, seqs)
    of_others = [message for message in messages if message.sender_id != reporter.id]
    if len(messages) < len(set(seqs)):
        raise Refused(_l("One of the messages that you ticked is gone by now. Please look again."))
    if not of_others:
        raise Refused(_l("Please tick at least one message of somebody else."))
    if _today(reporter) >= A_DAY:
        raise Refused(_l("You have sent many reports today. The moderators will look at them; please go on tomorrow."))
    return next((message.sender for message in of_others if message.sender is not None), None), messages


def _today(reporter: User) -> int:
    recent = (Report.reporter_id == reporter.id, Report.created_at > now() - timedelta(days=1))
    return db.session.scalar(select(func.count()).select_from(Report).where(*recent)) or 0


def _copy(message: Message, fingerprint: Callable[[str], str]) -> ReportedMessage:
    pictures = [{"file": image.file, "alt": image.alt, "sha256": fingerprint(image.file)} for image in message.images]
    return ReportedMessage(
        seq=message.seq,
        sender_name=message.sender.username if message.sender else "",
        body=message.body,
        sent_at=message.created_at,
        images=pictures,
    )


def _tell(made: Report) -> None:
    facts = {"report_id": made.id, "accused": made.accused_name}
    for moderator in queries.moderators(made.id):
        record(moderator.id, "report", str(made.id), args=facts)
