"""States for open pages, such as badge counts. Polls fetch them.

A row of `notification` is the latest complete state for a (user, name, subject).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.core.database import insert_into
from app.extensions import db
from app.models import Notification
from app.notifications.outbox import Phase, on_commit_locked

Data = Any | Callable[[], Any]


def publish_state(user_id: int, name: str, data: Data, subject: str = "") -> None:
    """Publish `data` as the user's state `name` when the current transaction commits.

    `data` is JSON-serialisable, or a function that returns such data. The function is called under the user's clock
    lock, so a published count is never older than its timestamp. `subject` distinguishes states with the same name, for
    example of two tasks. A later call with the same user, name and subject replaces an earlier one.
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
