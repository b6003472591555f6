"""Suspend and reinstate accounts, and assign roles.

`actor` is the moderator, or None for the operator on the command line.
"""

from __future__ import annotations

from sqlalchemy import delete

from app.core import roles
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.signals import account_activity_changed
from app.core.time import now
from app.extensions import db
from app.models import LoginSession, Report, User
from app.moderation.actions import audit_log
from app.moderation.actions.locking import lock, lock_person
from app.moderation.actions.rules import check_can_moderate, check_open
from app.notifications import logins_changed


def suspend(actor: User | None, user_id: int | None, *, report_id: int | None = None) -> None:
    """Suspend an account. Its user is logged out and can't log in, and other users can't find the account.

    Messages that the user sent stay visible to their recipients. The audit log entry refers to the report `report_id`.
    Raises ActionError if the account is already suspended, or if the actor may not act on the report or the user.
    """
    report = _report(actor, report_id)
    person = lock_person(user_id, actor)
    check_can_moderate(actor, person)
    if person.suspended_at is not None:
        raise ActionError(_l("This account is already suspended."))
    person.active, person.suspended_at = False, now()
    db.session.execute(delete(LoginSession).where(LoginSession.user_id == person.id))
    logins_changed(person.id)
    account_activity_changed.send(person)
    audit_log.log_action(actor, "suspended", report=report, person=person)


def reinstate(actor: User | None, user_id: int | None, *, report_id: int | None = None) -> None:
    """End the suspension of an account.

    The audit log entry refers to the report `report_id`; a resolved report is allowed. Raises ActionError if the
    account isn't suspended, or if the actor may not act on the user.
    """
    report = lock(report_id) if report_id is not None else None
    person = lock_person(user_id, actor)
    check_can_moderate(actor, person)
    if person.suspended_at is None:
        raise ActionError(_l("This account isn't suspended."))
    # An account pending deletion stays inactive. Its user can cancel the deletion by logging in.
    person.active, person.suspended_at = person.deletion_due_at is None, None
    account_activity_changed.send(person)
    audit_log.log_action(actor, "reinstated", report=report, person=person)


def set_role(actor: User | None, user_id: int, role: str) -> None:
    """Give a user a role.

    Raises ActionError if the user already has the role, if the role doesn't exist, or if the actor may not act on the
    user.
    """
    if role not in roles.ROLES:
        raise ActionError(_l("That role doesn't exist."))
    person = lock_person(user_id, actor)
    check_can_moderate(actor, person)
    if person.role == role:
        raise ActionError(_l("This person already has that role."))
    before, person.role = person.role, role
    audit_log.log_action(actor, "role", person=person, before=before, after=role)


def _report(actor: User | None, report_id: int | None) -> Report | None:
    if report_id is None:
        return None
    report = lock(report_id)
    if actor is not None:
        check_open(report, actor)
    return report
