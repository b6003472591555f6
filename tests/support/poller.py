"""What a page of one person knows, and what is true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2

from tests.support.processes import Visitor

T = TypeVar("T")


class Poller:
    """It remembers the newest timestamp it saw, and of each state the newest it was told, like the page's script."""

    def __init__(self, visitor: Visitor) -> None:
        self.since = 0.0
        self.heard: list[dict[str, Any]] = []
        self._visitor = visitor
        self._states: dict[str, Any] = {}

    def poll(self) -> float:
        """Ask, again while the site is too busy for pollers; returns how many seconds the answer took.

        Raises httpx2.HTTPError when nobody answers.
        """
        while True:
            began = time.monotonic()
            answer = self._visitor.get("/notifications", params={"since": repr(self.since)})
            took = time.monotonic() - began
            if answer.status_code != 503 or "Retry-After" not in answer.headers:
                break
            time.sleep(0.2)
        assert answer.status_code == 200, answer.text
        for told in answer.json():
            self.heard.append(told)
            self.since = max(self.since, told["timestamp"])
            self._states[told["name"]] = told["data"]
        return took

    @property
    def badge(self) -> int:
        """The number on the envelope."""
        return int(self._states.get("unread_message_count", 0))


def tasks(visitor: Visitor) -> list[dict[str, Any]]:
    """The states of the tasks that a person's page knows of."""
    poller = Poller(visitor)
    poller.poll()
    return [told["data"] for told in poller.heard if told["name"] == "task_progress"]


def unread(ask: Any, username: str) -> int:
    """The list, counted: messages from others beyond what was read, without the site's own query."""
    ((count,),) = ask(
        "SELECT count(*) FROM message m JOIN conversation_member c ON c.conversation_id = m.conversation_id"
        ' JOIN "user" u ON u.id = c.user_id'
        " WHERE u.username = :name AND m.sender_id <> u.id AND m.seq > c.read_seq",
        name=username,
    )
    return int(count)


def send_until_answered(send: Callable[[], T], *, seconds: float = 60) -> T:
    """Send until there is an answer, as a person does who sees that nobody answered."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return send()
        except httpx2.HTTPError:
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.05)
