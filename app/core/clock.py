"""The time. One function, so that a test can move it and a reader can find it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment in UTC, aware of its zone."""
    return datetime.now(UTC)
