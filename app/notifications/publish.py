"""States for the poller. A notification is a state told whole: one row for each (person, name, subject)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.core.database import insert_into
from app.extensions import db
from app.models import Notification
from app.notifications.outbox import Phase, on_commit_locked

Data = Any | Callable[[], Any]


def publish_state(user_id: int, name: str, data: Data, subject: str = "") -> None:
    """Tell a person the state `data` under `name` when the current transaction commits.

    `data` is JSON, or a function that gives it, called under the person's clock lock: a count stored in a notification
    is never older than its timestamp. `subject` separates two states of one name (two tasks, two conversations). The
    last call for one (person, name, subject) counts.
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
