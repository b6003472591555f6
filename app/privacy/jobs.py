"""Door (queue) of privacy: a mute with a time ends."""

from __future__ import annotations

from app.core.database import write_transaction
from app.jobs import job
from app.privacy import actions


@job(actions.END_MUTE_JOB)
def end_mute(muter_id: int, muted_id: int) -> None:
    """Let a person hear of somebody again when the time they chose is over.

    Run twice, or after the mute was taken back or made longer, it finds nothing to end.
    """
    with write_transaction():
        actions.end_mute(muter_id, muted_id)
