"""A page that lies open: what it remembers, and whether that is the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.models import User
from tests.badge import truth
from tests.support.client import Browser


@dataclass
class Poller:
    """A page that remembers the newest timestamp and what it was told."""

    browser: Browser
    person: User
    login_id: str
    since: float = 0.0
    badges: dict[str, int] = field(default_factory=dict)
    conversations: dict[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether its login is no more."""
        return not truth.login_exists(self.login_id)

    def ask(self) -> Any:
        """One poll, as a page does it."""
        return self.browser.get(f"/notifications?since={self.since!r}")

    def listen(self, told: list[dict[str, Any]], since: float) -> None:
        """Take in what is new. Nothing may be told twice or out of order."""
        stamps = [one["timestamp"] for one in told]
        assert stamps == sorted(stamps)
        assert all(stamp > since for stamp in stamps), "told twice"
        for one in told:
            if one["name"] == "conversation":
                self.conversations[one["data"]["with"]] = one["data"]["last_message_id"]
            else:
                self.badges[one["name"]] = one["data"]
        self.since = max([self.since, *stamps])

    def knows_the_truth(self) -> bool:
        """Whether what it shows is what the tables say."""
        return (
            self.badges.get("unread_message_count", 0) == truth.badge_of(self.person.id)
            and self.badges.get("message_request_count", 0) == truth.requests_of(self.person.id)
            and self.badges.get("unread_activity_count", 0) == len(truth.events_of(self.person.id))
            and self.conversations == truth.newest_of(self.person.id)
        )
