"""The provider of events about which email is pending (rows of the `activity` table).

app/notifications/scheduling.py explains providers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update

from app.core.time import now
from app.extensions import db
from app.models import Activity, Job
from app.notifications import preferences, render, scheduling
from app.notifications.kinds import KINDS
from app.notifications.scheduling import EmailSection, PendingBatch
from app.queries import activity

QUOTED = 20  # events of a kind that an email shows; if there are more, it gives their number
BATCH_SIZE = 1000  # rows that one statement marks


@scheduling.register_provider
def pending_events(user_id: int, kinds: Collection[str]) -> Sequence[PendingBatch]:
    """Return the user's unread events of these kinds that were not emailed yet, in one batch for each kind."""
    newest_first = activity.newest_first(activity.unread(user_id, kinds).where(Activity.mailed_at.is_(None)))
    identities: dict[str, list[int]] = {}
    for identity, kind in db.session.execute(newest_first.with_only_columns(Activity.id, Activity.kind)):
        identities.setdefault(kind, []).append(identity)
    if not identities:
        return []
    quoted = [identity for found in identities.values() for identity in found[:QUOTED]]
    events = db.session.scalars(newest_first.where(Activity.id.in_(quoted))).all()
    results = _results(events)
    grid = preferences.grid(user_id)
    waiting = []
    for kind, found in identities.items():
        of_kind = [event for event in events if event.kind == kind]
        if not of_kind:  # the events were deleted or read between the two queries
            continue
        parts = _parts(of_kind, results, together=KINDS[kind].groups and grid[kind].grouped)
        waiting.append(PendingBatch(kind, len(found), parts, partial(_mark, found)))
    return waiting


def _parts(events: Sequence[Activity], results: Mapping[str, Any], *, together: bool) -> list[EmailSection]:
    groups: dict[Any, list[Activity]] = {}
    for event in events:
        groups.setdefault(event.post_id if together else f"event {event.id}", []).append(event)
    return [_part(group, results) for group in groups.values()]


def _part(events: Sequence[Activity], results: Mapping[str, Any]) -> EmailSection:
    """Return a section about these events. If it can't be rendered, return a placeholder section instead."""
    try:
        line = render.render(events)
    except Exception as error:
        return EmailSection(scheduling.WITHHELD, {"reason": error}, len(events))
    result = results.get(events[0].args.get("job_id", ""), {}) if len(events) == 1 else {}
    return EmailSection("event", {"line": line, "result": result}, len(events), (line.endpoint, line.values))


def _results(events: Sequence[Activity]) -> dict[str, dict[str, Any]]:
    """Return the results of the exports that these events report, by job id: numbers of items and the expiry time.

    Exports whose download has expired are omitted.
    """
    tasks = [event.args["job_id"] for event in events if event.kind == "job_done"]
    rows = db.session.execute(select(Job.id, Job.result).where(Job.id.in_(tasks))).all() if tasks else []
    found = {}
    for identity, result in rows:
        if isinstance(result, dict) and "expires_at" in result:
            expires_at = datetime.fromisoformat(result["expires_at"])
            if expires_at > now():
                held = {things: result.get(things) for things in ("posts", "messages")}
                found[identity] = {**held, "expires_at": expires_at}
    return found


def _mark(identities: Sequence[int]) -> None:
    """Mark these events as emailed.

    Locked rows are skipped, because another transaction is marking them as read or deleting them.
    """
    for first in range(0, len(identities), BATCH_SIZE):
        some = Activity.id.in_(identities[first : first + BATCH_SIZE])
        free = select(Activity.id).where(some).with_for_update(skip_locked=True)
        stmt = update(Activity).where(Activity.id.in_(free.scalar_subquery())).values(mailed_at=now())
        db.session.execute(stmt.execution_options(synchronize_session=False))
