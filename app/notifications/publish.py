"""States for the poller. A notification is the latest full state: one row for each (user, name, subject)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.core.database import insert_into
from app.extensions import db
from app.models import Notification
from app.notifications.outbox import Phase, on_commit_locked

Data = Any | Callable[[], Any]


def publish_state(user_id: int, name: str, data: Data, subject: str = "") -> None:
    """Publish the state `data` under `name` to a user when the current transaction commits.

    `data` is JSON, or a function that returns it. The function is called under the user's clock lock, so a stored
    count is never older than its timestamp. `subject` separates two states with one name (two tasks, two
    conversations). A later call with the same user, name and subject replaces an earlier one.
    """

    def write(timestamp: float) -> None:
        value = data() if callable(data) else data
        row = {"user_id": user_id, "name": name, "subject": subject, "data": value, "timestamp": timestamp}
        stmt = insert_into(Notification).values(**row)
        db.session.execute(
            stmt.on_conflict_do_update(
                index_elements=[Notification.user_id, Notification.name, Notification.subject],
                set_={"data": stmt.excluded.data, "timestamp": stmt.excluded.timestamp},
            )
        )

    on_commit_locked(user_id, ("state", name, subject), write, Phase.STATES)
