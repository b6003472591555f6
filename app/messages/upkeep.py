"""Door (queue) of upkeep: counting conversations anew."""

from __future__ import annotations

from app.jobs import job
from app.messages import recount


@job("messages.recount", queue="slow", timeout=3600, every=24 * 3600)
def recount_conversations() -> dict[str, int]:
    """Put right the numbers kept beside the messages, should they ever be wrong. Run twice, it finds nothing then."""
    return recount.recount()
