"""Recount the published badge counts. Correct those that are wrong, and log them as errors.

Counts should never be wrong. Whenever a count may have changed, it is computed again while the user's notification
clock is locked. So a wrong count means a bug, or a manual change in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import current_app
from sqlalchemy import select

from app.core.database import end_read_transaction, write_transaction
from app.extensions import db
from app.models import Notification, User
from app.notifications.outbox import Phase, on_commit_locked, publish_state
from app.queries import activity, unread

BATCH = 500  # users counted by one statement
COUNTS: dict[str, Callable[[int], int]] = {
    "unread_message_count": unread.message_count,
    "unread_activity_count": activity.unread_count,
}


def recount() -> dict[str, int]:
    """Compare every published count with the correct one, and publish the correct one if they differ.

    Return `{"checked": counts compared, "drift": counts that were wrong}`. Only one user's notification clock is locked
    at a time.
    """
    checked = drift = 0
    for user_id, name, told, truth in _published_counts():
        checked += 1
        if told != truth and _repair(user_id, name):
            drift += 1
    return {"checked": checked, "drift": drift}


def _published_counts() -> Iterator[tuple[int, str, object, int]]:
    """Yield (user id, name, published count, correct count) for every published count.

    The rows are read without locks. So if the two counts differ, they must be compared again while the user's
    notification clock is locked.
    """
    last = 0
    while True:
        people = select(User.id).where(User.id > last).order_by(User.id).limit(BATCH).subquery()
        truths = {
            "unread_message_count": unread.message_count_of(people.c.id),
            "unread_activity_count": activity.unread_count_of(people.c.id),
        }
        counted = {row[0]: row[1:] for row in db.session.execute(select(people.c.id, *truths.values()))}
        rows = db.session.execute(
            select(Notification.user_id, Notification.name, Notification.data).where(
                Notification.user_id.in_(counted), Notification.name.in_(truths)
            )
        ).all()
        end_read_transaction()  # so that the next batch reads current data
        for user_id, name, told in rows:
            yield user_id, name, told, counted[user_id][list(truths).index(name)]
        if len(counted) < BATCH:
            return
        last = max(counted)


def _repair(user_id: int, name: str) -> bool:
    """Compare a published count with the correct one while the user's notification clock is locked.

    Publish the correct count. Return whether the published count was wrong.
    """
    wrong = []

    def look(_timestamp: float) -> None:
        key = {"user_id": user_id, "name": name, "subject": ""}
        told = db.session.scalar(select(Notification.data).filter_by(**key))
        truth = COUNTS[name](user_id)
        if told != truth:
            wrong.append((told, truth))

    with write_transaction():
        on_commit_locked(user_id, ("recount", name), look, Phase.ROWS)
        publish_state(user_id, name, lambda: COUNTS[name](user_id))
    for told, truth in wrong:
        current_app.logger.error("recount: %s of person %d was %s, is %d", name, user_id, told, truth)
    return bool(wrong)
