"""People on a real stack whose clock is moved: for each kind of event a reader who is told of nothing else.

    town = Town(stack)
    readers = town.readers(mail="daily", quiet=("22:00", "07:00"), zone="Europe/Berlin")
    town.happens(readers)                   an event for each, of their kind, made as people make it
    town.go_to("08:00", "Europe/Berlin")    the next time that walls there show it; what is due by then is done
    town.told(readers)                      {"message": ["New message from friend1"], ...}: what the mail server got

All goes through forms, but for a task that fails, which nobody can order: its row is written.
"""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from app.models import Job, Post, PostPoll, User
from app.notifications.kinds import CONFIGURABLE
from tests.support.ports import wait_for
from tests.support.processes import PASSWORD, Stack, Visitor
from tests.support.smtp import Mail

NOT_ESSENTIAL = [name for name, kind in CONFIGURABLE.items() if not kind.essential]
DELAY = 60  # seconds that mail waits
OLD_FRIENDS = 20  # days after which others take their place: nobody stays logged in for ever
BROWSERS = ("Firefox/140.0", "Chrome/140.0", "Edg/140.0", "OPR/120.0")
T = TypeVar("T")
R = TypeVar("R")
_numbers = itertools.count(1)


@dataclass
class Reader:
    """Somebody who is told of one kind of event only."""

    kind: str
    name: str
    browser: Visitor
    events: int = 0

    @property
    def address(self) -> str:
        return f"{self.name}@example.org"


@dataclass
class Town:
    """The people of a stack."""

    stack: Stack
    friends: list[tuple[str, Visitor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._engine = self.stack.engine()
        self._browsers: list[Visitor] = []

    def close(self) -> None:
        """Let go of the database and the site."""
        self._engine.dispose()
        for browser in self._browsers:
            browser.close()

    def _person(self, name: str) -> Visitor:
        browser = self.stack.person(name)
        self._browsers.append(browser)
        return browser

    def readers(
        self,
        kinds: Collection[str] = tuple(CONFIGURABLE),
        *,
        mail: str = "now",
        zone: str = "",
        quiet: tuple[str, str] | None = None,
        **fields: str,
    ) -> list[Reader]:
        """A new reader for each of `kinds`, who wants their kind by `mail`; `fields` are others of the settings."""
        wanted = {f"{kind}-mail": "none" for kind in CONFIGURABLE} | fields
        if quiet:
            wanted |= {"quiet": "y", "quiet_from": quiet[0], "quiet_until": quiet[1]}

        def settle_in(kind: str) -> Reader:
            name = f"reader{next(_numbers)}"
            reader = Reader(kind, name, self._person(name))
            if zone:
                answer = reader.browser.submit("/edit_profile", {"timezone": zone})
                assert answer.status_code == 303, answer.text
            answer = reader.browser.submit("/notification_settings", {**wanted, f"{kind}-mail": mail})
            assert answer.status_code == 303, answer.text
            return reader

        return _each(settle_in, kinds)

    def happens(self, readers: Iterable[Reader]) -> None:
        """An event of their kind for each reader, seen through until it is told wherever it is told at once."""
        readers = list(readers)
        while len(self.friends) <= max((reader.events for reader in readers), default=0):
            name = f"friend{next(_numbers)}"
            friend = self._person(name)
            friend.post_form("/notification_settings/resume")  # has a token before several threads ask for one
            self.friends.append((name, friend))
        _each(self._happens_to, readers)
        self.settle()

    def _happens_to(self, reader: Reader) -> None:
        number = reader.events
        reader.events += 1
        name, friend = self.friends[number]
        if reader.kind == "message":
            self.stack.acquaint(name, reader.name)
            answer = friend.post_form(f"/send_message/{reader.name}", {"message": f"Hello number {number}"})
        elif reader.kind == "mention":
            answer = friend.post_form("/post", {"post": f"Have you seen this, @{reader.name}? {number}"})
        elif reader.kind in {"reply", "quote", "like", "repost"}:
            reader.browser.post_form("/post", {"post": f"Answer me. {number}"})
            newest = re.search(r'id="post-(\d+)"', friend.get(f"/user/{reader.name}").text)
            assert newest is not None
            answer = friend.post_form(f"/post/{newest[1]}/{reader.kind}", {"post": f"I do. {number}"})
        elif reader.kind == "follow":
            answer = friend.post_form(f"/follow/{reader.name}")
        elif reader.kind == "job_done":
            reader.browser.confirm_password()  # tests move the clock past the time since the login
            answer = reader.browser.post_form("/export_posts")
        elif reader.kind == "login":
            with Visitor(self.stack) as elsewhere:
                elsewhere.headers["User-Agent"] = f"Mozilla/5.0 (X11; Linux x86_64) {BROWSERS[number]}"
                answer = elsewhere.submit("/auth/login", {"username": reader.name, "password": PASSWORD})
        elif reader.kind == "poll_closed":
            self._end_a_poll(reader, number)
            return
        else:
            self._fail_a_task(reader)
            return
        assert answer.status_code in {302, 303}, answer.text

    def _end_a_poll(self, reader: Reader, number: int) -> None:
        """A poll of the reader's, as if it had begun long ago."""
        options = {"poll_options-0": "Yes", "poll_options-1": "No", "poll_minutes": "5"}
        answer = reader.browser.post_form("/post", {"post": f"Agreed? {number}", **options})
        assert answer.status_code == 303, answer.text
        moment = self.stack.now()
        with self._engine.begin() as connection:
            author = select(User.id).where(User.username == reader.name).scalar_subquery()
            post_id = connection.scalar(select(func.max(Post.id)).where(Post.author_id == author))
            connection.execute(update(PostPoll).where(PostPoll.post_id == post_id).values(ends_at=moment))
            its = (Job.name == "posts.close_poll", Job.args["post_id"].as_integer() == post_id)
            connection.execute(update(Job).where(*its).values(run_after=moment))

    def _fail_a_task(self, reader: Reader) -> None:
        """The export of somebody who is no more: it gives up at once."""
        moment = self.stack.now()
        with self._engine.begin() as connection:
            owner = connection.scalar(select(User.id).where(User.username == reader.name))
            row = {
                "id": uuid.uuid4().hex,
                "name": "posts.export",
                "args": {"owner_id": 2**31 - 1},
                "queue": "slow",
                "owner_id": owner,
                "state": "queued",
                "queued_at": moment,
                "run_after": moment,
                "progress": 0,
                "attempts": 0,
                "crashes": 0,
                "error": "",
            }
            connection.execute(insert(Job).values(**row))

    def read(self, readers: Iterable[Reader]) -> None:
        """Each reader opens the page on which their events stand, and it says what it showed."""
        for reader in readers:
            if reader.kind == "message":
                path = f"/messages/{self.friends[reader.events - 1][0]}"
                answer = reader.browser.submit(path, {"seq": "1"}, action=f"{path}/read")
            else:
                answer = reader.browser.submit("/activity", {}, action="/activity/read")
            assert answer.status_code == 303, answer.text

    def settle(self) -> None:
        """Wait until nothing is due or under way: then a clock may be moved without anybody being held for dead."""
        wait_for(self._is_quiet, seconds=30, why=f"the jobs; a worker says: {self.stack.log('worker-1')[-1000:]}")

    def _is_quiet(self) -> bool:
        due: ColumnElement[bool] = and_(Job.state == "queued", Job.run_after <= self.stack.now())
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).where(or_(due, Job.state == "running"))) == 0

    def wait(self, seconds: float) -> None:
        """Let time pass, and do what is due then."""
        self.settle()
        self.stack.shift_clock(seconds)
        self.settle()

    def go_to(self, shown: str, zone: str = "UTC", *, days: int = 0) -> None:
        """Move to the next moment at which walls in `zone` show this time, or `days` later; do what is due then."""
        local = self.stack.now().astimezone(ZoneInfo(zone))
        wall = datetime.combine(local.date() + timedelta(days=days), time.fromisoformat(shown), local.tzinfo)
        if wall <= local:
            wall = datetime.combine(wall.date() + timedelta(days=1), time.fromisoformat(shown), local.tzinfo)
        self.settle()
        self.stack.set_clock(wall.isoformat())
        if days > OLD_FRIENDS:
            self.friends.clear()
        self.settle()

    def mails(self, reader: Reader) -> list[Mail]:
        """What a reader was mailed of events; mails about the account itself are others."""
        return [mail for mail in self.stack.mails.to(reader.address) if "/notification_settings" in mail.text]

    def told(self, readers: Iterable[Reader]) -> dict[str, list[str]]:
        """The subjects of those mails, by the reader's kind."""
        return {reader.kind: [mail.subject for mail in self.mails(reader)] for reader in readers}


def _each(do: Callable[[T], R], which: Iterable[T]) -> list[R]:
    """Several at a time, as people come."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(do, which))
