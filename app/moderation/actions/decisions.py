"""A moderator's actions on a report: view, assign, release, warn, remove a post, resolve.

The audit log records each action.
"""

from __future__ import annotations

from sqlalchemy import select

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.jobs import enqueue
from app.lib.text.length import first_graphemes
from app.models import AuditEntry, Post, Report, ReportState, User
from app.moderation import queries
from app.moderation.actions import audit_log
from app.moderation.actions.locking import lock, lock_person
from app.moderation.actions.rules import check_can_moderate, check_open, checked
from app.notifications import record_event, refresh_counts_for_deleted_post
from app.queries import post_images, threads

QUOTED = 500  # maximum number of characters of a removed post that are quoted to its author


def view_evidence(moderator: User, report_id: int) -> None:
    """Record in the audit log that the moderator views the evidence. Idempotent.

    A moderator sees the evidence of a report only after this has been recorded.
    """
    report = lock(report_id)
    if not queries.has_viewed_evidence(moderator, report):
        audit_log.log_action(moderator, "looked", report=report)


def assign(moderator: User, report_id: int) -> None:
    """Assign a report to the moderator. Raises ActionError if the report is resolved or already assigned."""
    report = lock(report_id)
    check_open(report, moderator)
    if report.assignee_id == moderator.id:
        raise ActionError(_l("This report is already assigned to you."))
    report.assignee_id = moderator.id
    audit_log.log_action(moderator, "assigned", report=report)


def release(moderator: User, report_id: int) -> None:
    """Unassign a report, so that another moderator can take it.

    Raises ActionError if the report is resolved, unassigned, or assigned to another moderator. Admins can also unassign
    reports of other moderators.
    """
    report = lock(report_id)
    check_open(report, moderator, anybodys=moderator.role == "admin")
    if report.assignee_id is None:
        raise ActionError(_l("This report isn't assigned to anyone."))
    report.assignee_id = None
    audit_log.log_action(moderator, "released", report=report)


def resolve(moderator: User, report_id: int, words: str) -> None:
    """Mark a report as resolved and notify the reporter. `words` is a note about the decision, for the audit log.

    Raises ActionError if the note is invalid, or if the report is resolved or assigned to another moderator.
    """
    words = checked(words)
    report = lock(report_id)
    check_open(report, moderator)
    report.state, report.resolved_at = ReportState.RESOLVED, now()
    audit_log.log_action(moderator, "resolved", report=report, words=words)
    if report.reporter_id is not None:
        record_event(report.reporter_id, "report_closed", str(report.id), args={"report_id": report.id})


def warn(moderator: User, report_id: int, words: str) -> None:
    """Send the warning `words` to the accused user, on their Activity page and by email without delay.

    Raises ActionError if a warning was already sent for this report, if the accused account is inactive or deleted, if
    the text is invalid, or if the moderator may not act on the report or the user.
    """
    words = checked(words)
    report = lock(report_id)
    check_open(report, moderator)
    person = lock_person(report.accused_id, moderator)
    check_can_moderate(moderator, person)
    if not person.active:
        raise ActionError(_l("This account is inactive, so a warning wouldn't reach anyone."))
    if _is_warned(report):
        raise ActionError(_l("A warning has already been sent for this report."))
    audit_log.log_action(moderator, "warned", report=report, person=person, words=words)
    record_event(person.id, "warning", str(report.id), args={"words": words})


def remove_post(moderator: User, report_id: int, words: str) -> None:
    """Delete the reported post. The copy of the post in the report is not deleted.

    The author gets the reason `words` on their Activity page and by email without delay. Raises ActionError if the
    report is not about a post, if the post or its author's account has been deleted, if the text is invalid, or if the
    moderator may not act on the report or the author.
    """
    words = checked(words)
    report = lock(report_id)
    check_open(report, moderator)
    if report.kind != "post":
        raise ActionError(_l("This report isn't about a post."))
    author = lock_person(report.accused_id, moderator)
    check_can_moderate(moderator, author)
    if report.post_id is not None:
        threads.lock_parent(report.post_id)
    post = db.session.get(Post, report.post_id, with_for_update=True, populate_existing=True)
    if post is None:
        raise ActionError(_l("This post has already been deleted."))
    refresh_counts_for_deleted_post(post.id)
    described = " ".join(image.alt for image in post_images.images_of(post) if image.alt)
    if post.has_images:
        enqueue("posts.remove_pictures", files=post_images.files_of(post.id))
    db.session.delete(post)
    audit_log.log_action(moderator, "removed", report=report, person=author, words=words)
    text = first_graphemes(post.body or described, QUOTED)
    quoted = {"text": text, "language": post.language, "warning": post.warning}
    record_event(author.id, "post_removed", str(report.id), args={"words": words, **quoted})


def _is_warned(report: Report) -> bool:
    warned = select(AuditEntry.id).where(AuditEntry.report_id == report.id, AuditEntry.action == "warned")
    return db.session.scalar(warned.limit(1)) is not None
