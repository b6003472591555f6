"""Write the audit log, which records what moderators view and do.

An entry is written in the same transaction as the action that it records, and is never changed.
"""

from __future__ import annotations

from typing import Any

from app.extensions import db
from app.models import AuditEntry, Report, User


def log_action(
    actor: User | None, action: str, *, report: Report | None = None, person: User | None = None, **args: Any
) -> None:
    """Add an entry to the audit log. `actor` is None for the operator on the command line.

    The entry contains the usernames, so that it stays readable after an account is deleted.
    """
    entry = AuditEntry(
        actor_id=actor.id if actor else None,
        actor_name=actor.username if actor else "",
        action=action,
        report_id=report.id if report else None,
        person_id=person.id if person else None,
        person_name=person.username if person else "",
        args=args,
    )
    db.session.add(entry)
    db.session.flush()
