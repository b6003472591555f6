"""Create reports. A report contains a signed copy of the reported content, so later changes don't affect it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.core.database import advisory_lock
from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.core.time import now
from app.core.validation import send_key
from app.extensions import db
from app.models import Conversation, Message, Post, PostRevision, Report, ReportedMessage, User
from app.models.post import RESTRICTED_LEVELS
from app.moderation import evidence, queries
from app.moderation.actions.rules import checked
from app.notifications import record_event
from app.queries import quotes

MAX_MESSAGES = 50  # maximum number of messages in one report
MAX_PER_DAY = 20  # maximum number of reports by one user in 24 hours


def report(
    reporter: User,
    conversation_id: int,
    seqs: Collection[int],
    note: str,
    *,
    form_key: str | None,
    fingerprint: Callable[[str], str],
) -> Report:
    """Report messages of a conversation to the moderators. `seqs` are the numbers of the messages in the conversation.

    The report contains a signed copy of each message. For a deleted message, the content is copied from its
    `SealedMessage`. `fingerprint` is a function that returns the SHA-256 of a stored image, in hex. Submitting a form
    twice (same `form_key` and content) creates one report.

    Raises ActionError if the note is invalid, if a message can't be reported, if all messages are the reporter's own,
    if there are too many messages, or if the reporter has made too many reports today.
    """
    note = checked(note, needed=False)
    # The lock prevents concurrent edits and deletions of messages. It also prevents the removal of image files before
    # the rows of the report refer to them.
    db.session.execute(select(Conversation.id).where(Conversation.id == conversation_id).with_for_update())
    numbers = ",".join(str(seq) for seq in sorted(set(seqs)))
    key, known = _existing_report(reporter, f"{conversation_id}:{numbers}\n{note}", form_key)
    if known is not None:
        return known
    accused, messages = _checked(reporter, conversation_id, seqs)
    made = Report(
        kind="messages",
        conversation_id=conversation_id,
        note=note,
        form_key=key,
        evidence=[_copy(message, fingerprint) for message in messages],
    )
    return _store(made, reporter, accused)


def report_post(
    reporter: User,
    post: Post,
    note: str,
    *,
    form_key: str | None,
    revision: int | None = None,
    pictures: Sequence[dict[str, str]] = (),
) -> Report:
    """Report a post to the moderators.

    The report contains the version of the post that the reporter saw, even if the post was edited meanwhile. `revision`
    is the number of this version; None is the current one. `pictures` is `[{"file", "alt", "sha256"}]` for copies of
    the post's images. If the post quotes another one, the report contains the text of that post, too, as far as the
    reporter can see it. The caller must have loaded `post.author` and checked that `reporter` can see the post.
    Submitting a form twice (same `form_key` and note) creates one report. Raises ActionError if the note is invalid, if
    the post is the reporter's own, or if they have made too many reports today.
    """
    note, author = checked(note, needed=False), post.author
    advisory_lock(f"report:{reporter.id}")
    key, known = _existing_report(reporter, f"post:{post.id}\n{note}", form_key)
    if known is not None:
        return known
    _check_may_report(reporter, author)
    seen = _version(post, revision)
    facts: dict[str, Any] = {"language": seen.language, "name": author.name}
    if seen.warning:
        facts["warning"] = seen.warning
    if post.visibility in RESTRICTED_LEVELS:
        facts["visibility"] = post.visibility
    if post.poll_id is not None and post.poll is not None:
        facts["options"] = [option.text for option in post.poll.options]
    facts |= _quoted_facts(reporter, post)
    copy = ReportedMessage(
        seq=0,
        sender_name=author.username,
        body=seen.body,
        sent_at=post.created_at,
        images=list(pictures),
        facts=facts,
    )
    return _store(Report(kind="post", post_id=post.id, note=note, form_key=key, evidence=[copy]), reporter, author)


def _version(post: Post, revision: int | None) -> Post | PostRevision:
    """Return a version of a post. Raises sqlalchemy.exc.NoResultFound if the post has just been deleted."""
    if revision is None or not 0 <= revision < post.revision:
        return post
    this = select(PostRevision).where(PostRevision.post_id == post.id, PostRevision.number == revision)
    return db.session.scalars(this).one()


def _quoted_facts(reporter: User, post: Post) -> dict[str, str]:
    """Return the facts about the post that a reported post quotes; none if the reporter can't see it."""
    quotes.load(reporter, [post])  # as the reporter sees it now
    if post.quoted is None:
        return {}
    facts = {
        "quoted_sender": post.quoted.author.username,
        "quoted_text": post.quoted.body,
        "quoted_language": post.quoted.language,
        "quoted_warning": post.quoted.warning,
    }
    return {key: value for key, value in facts.items() if value}


def report_person(
    reporter: User,
    person: User,
    note: str,
    *,
    form_key: str | None,
    pictures: Sequence[dict[str, str]] = (),
) -> Report:
    """Report a user to the moderators for the content of their profile.

    `pictures` is `[{"file", "alt", "sha256"}]` for a copy of the user's avatar, or empty. If either user blocks the
    other, the reporter can't see the profile, and therefore can't see the content of the report either. Submitting a
    form twice (same `form_key` and note) creates one report.

    Raises ActionError if the note is invalid, if the reporter reports themselves, or if they have made too many reports
    today.
    """
    note = checked(note, needed=False)
    advisory_lock(f"report:{reporter.id}")
    key, known = _existing_report(reporter, f"person:{person.id}\n{note}", form_key)
    if known is not None:
        return known
    _check_may_report(reporter, person)
    copy = ReportedMessage(
        seq=0,
        sender_name=person.username,
        body=person.about_me,
        sent_at=person.created_at,
        images=list(pictures),
        facts={"name": person.name},
        salt=evidence.new_salt() if queries.is_blocked_either_way(reporter, person) else "",
    )
    return _store(Report(kind="person", note=note, form_key=key, evidence=[copy]), reporter, person)


def _existing_report(reporter: User, content: str, form_key: str | None) -> tuple[str | None, Report | None]:
    """Return the idempotency key of a submitted form, and the report that is already stored with this key.

    The key is None without a `form_key`. The report is None if there is none with this key.
    """
    key = send_key(reporter, content, form_key)
    return key, db.session.scalar(select(Report).where(Report.form_key == key)) if key else None


def _store(made: Report, reporter: User, accused: User | None) -> Report:
    """Store a report with its signature, and notify the moderators."""
    made.reporter_id = reporter.id
    made.accused_id, made.accused_name = (accused.id, accused.username) if accused else (None, "")
    made.seal = ""
    db.session.add(made)
    db.session.flush()  # the signature includes its id and time
    evidence.sign(made)
    db.session.flush()
    _notify_moderators(made)
    return made


def _checked(reporter: User, conversation_id: int, seqs: Collection[int]) -> tuple[User | None, Sequence[Message]]:
    """Return the accused user and the messages to report. The accused user is None if their account is deleted.

    Raises ActionError if a message can't be reported, if all messages are the reporter's own, if there are too many
    messages, or if the reporter has made too many reports today.
    """
    if len(set(seqs)) > MAX_MESSAGES:
        raise ActionError(
            _ln(
                "A report can include up to %(num)s message.",
                "A report can include up to %(num)s messages.",
                MAX_MESSAGES,
            )
        )
    messages = queries.selected_messages(reporter, conversation_id, seqs)
    of_others = [message for message in messages if message.sender_id != reporter.id]
    if len(messages) < len(set(seqs)):
        raise ActionError(_l("One of the messages you selected is no longer there. Please check your selection."))
    if not of_others:
        raise ActionError(_l("Select at least one message from someone else."))
    _check_limit(reporter)
    return next((message.sender for message in of_others if message.sender is not None), None), messages


def _check_may_report(reporter: User, accused: User) -> None:
    if accused.id == reporter.id:
        raise ActionError(_l("You can't report yourself."))
    _check_limit(reporter)


def _check_limit(reporter: User) -> None:
    recent = (Report.reporter_id == reporter.id, Report.created_at > now() - timedelta(days=1))
    if (db.session.scalar(select(func.count()).select_from(Report).where(*recent)) or 0) >= MAX_PER_DAY:
        raise ActionError(
            _l("You've sent a lot of reports today. The moderators will review them. You can send more tomorrow.")
        )


def _copy(message: Message, fingerprint: Callable[[str], str]) -> ReportedMessage:
    sealed = message.sealed
    shown = [{"file": image.file, "alt": image.alt} for image in message.images]
    pictures = shown if sealed is None else sealed.images
    return ReportedMessage(
        seq=message.seq,
        sender_name=message.sender.username if message.sender else "",
        body=message.body if sealed is None else sealed.body,
        sent_at=message.created_at,
        images=[{**picture, "sha256": fingerprint(picture["file"])} for picture in pictures],
        facts={},
        deleted_at=sealed.sealed_at if sealed else None,
        salt=evidence.new_salt() if sealed else "",
    )


def _notify_moderators(made: Report) -> None:
    facts = {"report_id": made.id, "accused": made.accused_name, "kind": made.kind}
    for moderator in queries.moderators(made.id):
        record_event(moderator.id, "report", str(made.id), args=facts)
