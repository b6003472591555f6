"""The job that ends mutes of people."""

from __future__ import annotations

from app.core.database import write_transaction
from app.jobs import job
from app.privacy import actions


@job(actions.END_MUTE_JOB)
def end_mute(muter_id: int, muted_id: int) -> None:
    """Unmute a user if the end time of the mute has passed.

    Idempotent: it does nothing if the mute has ended already or was extended.
    """
    with write_transaction():
        actions.end_mute(muter_id, muted_id)
