"""A user who polls."""

from __future__ import annotations

import pytest

from app.extensions import db as the_db
from app.notifications import publish_state


def newest_timestamp(browser) -> float:
    """What a client remembers after its first poll."""
    told = browser.get("/notifications").get_json()
    return max((one["timestamp"] for one in told), default=0.0)


@pytest.fixture
def ana(as_):
    """A person with something to remember, whose next poll is idle."""
    browser = as_("ana")
    publish_state(browser.user.id, "unread_message_count", 0)
    the_db.session.commit()
    browser.since = newest_timestamp(browser)
    return browser
