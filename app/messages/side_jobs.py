"""Door (queue) of people's sides: a mute with a time ends."""

from __future__ import annotations

from app.core.database import writing
from app.extensions import db
from app.jobs import job
from app.messages.actions import sides
from app.models import User


@job(sides.END_MUTE_JOB)
def end_mute(conversation_id: int, user_id: int) -> None:
    """Let a person hear of a conversation again when the time they chose is over.

    Run twice, or after the mute was taken back or made longer, it finds nothing to end.
    """
    with writing():
        user = db.session.get(User, user_id)
        if user is not None:
            sides.end_mute(user, conversation_id)
