"""R19: the clock is set back an hour, forward an hour, and jumps where summer begins and ends. Nobody notices."""

from __future__ import annotations

import itertools
import re
from typing import Self

import pytest
from sqlalchemy import text

from tests.support.poller import Poller, unread
from tests.support.ports import wait_for
from tests.support.processes import PASSWORD, Stack, Visitor

pytestmark = pytest.mark.slow

HOUR = 3600
PROGRAMS = ("web", "worker-1")
# Moments at which the clocks of Berlin change, in UTC.
SUMMER_BEGINS, SUMMER_ENDS = "2027-03-28T01:00:00+00:00", "2027-10-31T01:00:00+00:00"


@pytest.fixture(scope="module")
def moved_stack(database, tmp_path_factory):
    """A site whose machine keeps the time of Berlin, a quarter of an hour before summer begins there."""
    folder = tmp_path_factory.mktemp("clock")
    stack = Stack(folder, database.copy(), clock="2027-03-28T00:45:00+00:00", TZ="Europe/Berlin")
    stack.start(*PROGRAMS)
    yield stack
    stack.stop()


@pytest.fixture
def query(moved_stack):
    """Look into the database of the stack."""
    engine = moved_stack.engine()

    def looked(statement, **values):
        with engine.connect() as connection:
            return connection.execute(text(statement), values).all()

    yield looked
    engine.dispose()


class Pair:
    """One who writes, and one who reads with a cookie that remembers them: each step is heard of, in its place."""

    _numbers = itertools.count(1)

    def __init__(self, stack: Stack, query) -> None:
        number = next(self._numbers)
        self.sender, self.name = f"sender{number}", f"reader{number}"
        self.writer = stack.person(self.sender)
        stack.person(self.name).close()
        stack.acquaint(self.sender, self.name)
        self.reader = Visitor(stack)
        self.reader.submit("/auth/login", {"username": self.name, "password": PASSWORD, "remember_me": "y"})
        self.poller = Poller(self.reader)
        self.written: list[str] = []
        self._look = query

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.writer.close()
        self.reader.close()

    def write(self) -> None:
        """A message and a post: the poller hears at once, the badge is right, and nobody was logged out."""
        body = f"number {len(self.written):02}"
        sent = self.writer.post_form(f"/send_message/{self.name}", {"message": body})
        posted = self.writer.post_form("/post", {"post": body})
        assert (sent.status_code, posted.status_code) == (303, 303)
        self.written.append(body)
        before = len(self.poller.heard)
        self.poller.poll()
        assert "unread_message_count" in {told["name"] for told in self.poller.heard[before:]}
        assert self.poller.badge == unread(self._look, self.name) == len(self.written)
        assert self.writer.get("/messages").status_code == self.reader.get("/messages").status_code == 200

    def check_order(self) -> None:
        """Messages and posts stand in the order in which they were written, and so do the timestamps heard."""
        assert numbers(self.reader.get(f"/messages/{self.sender}").text) == self.written
        assert numbers(self.writer.get(f"/user/{self.sender}").text) == self.written[::-1]
        stamps = [told["timestamp"] for told in self.poller.heard]
        assert stamps == sorted(stamps)

    def come_back(self) -> None:
        """The reader's browser was closed and forgot the session; the other cookie still lets them in."""
        del self.reader.cookies["microblog_session"]
        assert self.reader.get("/messages").status_code == 200


def numbers(page: str) -> list[str]:
    """The messages or posts on a page, from top to bottom."""
    return list(dict.fromkeys(re.findall(r"number \d\d", page)))


def test_clock_changes_at_twenty_moments_lose_nothing(moved_stack, query, moments):
    """Live, as by a time server, and now and then with a restart."""
    restarted = []
    with Pair(moved_stack, query) as pair:
        for number in moments.twenty(0, 0.2):
            moved_stack.shift_clock(moments.choice((-HOUR, HOUR)))
            if number % 5 == 4:
                restarted.append(moments.choice(PROGRAMS))
                moved_stack.restart(restarted[-1])
            pair.write()
        pair.check_order()
        pair.come_back()
    wait_for(lambda: unfinished(query) == [], seconds=30, why="the jobs")
    mails = moved_stack.mails.to(f"{pair.name}@example.org")
    # A worker killed between the mail server's OK and its commit sends that one mail again, under the same Message-ID.
    assert len(mails) - len({mail.message_id for mail in mails}) <= restarted.count("worker-1")


@pytest.mark.parametrize("change", [SUMMER_BEGINS, SUMMER_ENDS])
def test_restart_across_a_daylight_saving_change_loses_nothing(moved_stack, query, change):
    """Down from just before the change until just after it."""
    moved_stack.set_clock(change)
    moved_stack.shift_clock(-60)
    with Pair(moved_stack, query) as pair:
        pair.write()
        for program in PROGRAMS:
            moved_stack.kill(program)
        moved_stack.set_clock(change)
        for program in PROGRAMS:
            moved_stack.start_one(program)
        for _ in range(3):
            pair.write()
        pair.check_order()
        pair.come_back()
    wait_for(lambda: unfinished(query) == [], seconds=30, why="the jobs")


def unfinished(query) -> list:
    return query("SELECT name, state, error FROM job WHERE state <> 'done'")
