"""Three people who write to each other, read, follow and log in, and the pollers that must know the truth of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from flask import Flask

from app.core.redis_client import Breaker
from app.core.time import now
from app.extensions import db
from app.jobs import perform
from app.models import (
    Activity,
    Conversation,
    ConversationMember,
    Follow,
    Job,
    LoginSession,
    Message,
    Notification,
    NotificationClock,
    User,
)
from app.web import cookies
from tests.badge import truth
from tests.badge.actors import Actor
from tests.badge.pages import Poller
from tests.badge.points import LATE, Points
from tests.factories import PASSWORD
from tests.support.client import Browser
from tests.support.friends import acquaint
from tests.support.valkey import Valkey

COOKIE, SITE = "microblog_session", "microblog.test"
CHANGED = [
    model.__table__
    for model in (Conversation, ConversationMember, Message, Notification, Activity, Follow, Job, LoginSession)
]
NOBODY_WAITS = 10_000  # points; more than any request has


@dataclass
class Task:
    """A request on its way. `then` gets the answer, and whether others did something meanwhile."""

    what: str
    actor: Actor
    then: Callable[[Any, bool], None]
    interrupted: bool = False


class Town:
    """Everything the state machine does. One town serves all its examples: people and their first logins are kept."""

    def __init__(self, app: Flask, valkey: Valkey, points: Points, travel: Any, browsers: list[Browser]) -> None:
        self._app, self.valkey, self.points = app, valkey, points
        self._browsers, self.travel = browsers, travel
        self.people = list({browser.user.id: browser.user for browser in browsers if browser.user}.values())
        for person in self.people:  # else each id is asked for again after each request
            db.session.refresh(person)
            db.session.expunge(person)
        with db.engine.connect() as connection:
            self._logins = [dict(row._mapping) for row in connection.execute(LoginSession.__table__.select())]
        self._tokens = {id(browser): browser.csrf_token() for browser in browsers}
        self._cookies = {id(browser): self._cookie(browser) for browser in browsers}

    def _cookie(self, browser: Browser) -> str:
        cookie = browser.get_cookie(COOKIE, domain=SITE)
        assert cookie is not None
        return str(cookie.value)

    def _visitor(self) -> Browser:
        browser = self._app.test_client()
        assert isinstance(browser, Browser)
        return browser

    def _page(self, browser: Browser, person: User) -> Poller:
        login_id: str = cookies.serializer(self._app).loads(self._cookie(browser))[cookies.LOGIN_KEY]
        return Poller(browser, person, login_id)

    def start(self) -> None:
        """Nobody has ever written to anybody. Ana knows the others; to each other these are strangers."""
        with db.engine.begin() as connection:
            for table in reversed(CHANGED):
                connection.execute(table.delete())
            connection.execute(NotificationClock.__table__.update().values(last=0.0))
            connection.execute(LoginSession.__table__.insert(), self._logins)
            for other in self.people[1:]:
                acquaint(connection, self.people[0].id, other.id)
        self.points.clear()
        self.close_the_breaker()
        self.valkey.flush()
        self.tasks: list[Task] = []
        self.pollers = []
        for browser in self._browsers:
            browser.set_cookie(COOKIE, self._cookies[id(browser)], domain=SITE)
            assert browser.user is not None
            self.pollers.append(self._page(browser, browser.user))
        self._clocks: dict[int, float] = {}

    def open_pages(self) -> list[Poller]:
        """Those whose login was not ended."""
        logins = truth.logins()
        return [poller for poller in self.pollers if poller.login_id in logins]

    # What people do. Each is a request in a thread, let go through at most `points` points.

    def send(self, sender: Poller, recipient: User, points: int) -> None:
        """A message."""
        self._post(sender, f"/send_message/{recipient.username}", points, message="Hello")

    def read(self, reader: Poller, other: User, points: int) -> None:
        """All messages of one conversation that are committed now."""
        self._post(reader, f"/messages/{other.username}/read", points, seq=99)

    def read_activity(self, reader: Poller, points: int) -> None:
        """All events that are committed now."""
        events = truth.events_of(reader.person.id)
        if events and not self._is_at(what := f"events of {reader.person.username}"):
            first, last = (f"{stamp!r}-{identity}" for stamp, identity in (events[0], events[-1]))
            self._post(reader, "/activity/read", points, what, first=first, last=last)

    def follow(self, follower: Poller, followed: User, points: int) -> None:
        """An event for the one who is followed, the first time."""
        if not self._is_at(what := f"follow {follower.person.username} {followed.username}"):
            self._post(follower, f"/follow/{followed.username}", points, what)

    def log_in(self, person: User, points: int) -> None:
        """Another browser of that person, which polls from then on."""
        browser = self._visitor()
        values = {"csrf_token": browser.csrf_token(), "username": person.username, "password": PASSWORD}

        def then(answer: Any, _interrupted: bool) -> None:
            assert answer.status_code == 303
            self.pollers.append(self._page(browser, person))

        if not self._is_at(what := f"login of {person.username}"):
            self._begin(what, lambda: browser.post("/auth/login", data=values), then, points)

    def log_out(self, poller: Poller, points: int) -> None:
        """The login ends. Its page goes on polling, with a copy of the cookie."""
        token = poller.browser.csrf_token()
        copy = self._visitor()
        copy.set_cookie(COOKIE, self._cookie(poller.browser), domain=SITE)
        leaving = sum(task.what.startswith("logout") for task in self.tasks)
        what = f"logout {poller.login_id}"
        if len(self.open_pages()) > leaving + 2 and not self._is_at(what):
            self._begin(what, lambda: copy.post("/auth/logout", data={"csrf_token": token}), self._was_done, points)

    def poll(self, poller: Poller, points: int) -> None:
        """A poll; if nothing happened meanwhile, its page knows the truth now."""
        if self._is_at(what := f"poll {poller.login_id}"):
            return  # one request of a page is in flight at a time
        since = poller.since

        def then(answer: Any, interrupted: bool) -> None:
            late = interrupted or truth.owed(poller.person.id)
            assert answer.status_code == (401 if poller.ended else 200) or late, answer.status
            if answer.status_code == 401:
                return
            poller.listen(answer.get_json(), since)
            assert late or poller.knows_the_truth(), f"{poller} does not know the truth"

        self._begin(what, poller.ask, then, points)

    def poll_that_gives_up(self, poller: Poller) -> None:
        """A poll that has sent what it found to Redis and waits in vain: the bytes are still on their way."""
        self.poll(poller, 0)
        task = next((task for task in self.tasks if task.what == f"poll {poller.login_id}"), None)
        while task is not None and task in self.tasks and self.points.may_go(task.actor):
            if task.actor.pending is not None and task.actor.pending.name == "fill the hash":
                task.actor.resume(LATE)
                self.close_the_breaker()
            self.go_on(task, 1)

    def _post(self, poller: Poller, path: str, points: int, what: str = "", **values: object) -> None:
        token = self._tokens.get(id(poller.browser)) or poller.browser.csrf_token()
        form = {"csrf_token": token, **values}
        self._begin(what or path, lambda: poller.browser.post(path, data=form), self._was_done, points)

    def _was_done(self, answer: Any, interrupted: bool) -> None:
        assert answer.status_code == 303 or (interrupted and answer.status_code in {302, 401}), answer.status

    # How it goes on.

    def _is_at(self, what: str) -> bool:
        return any(task.what == what for task in self.tasks)

    def _begin(
        self, what: str, work: Callable[[], Any], then: Callable[[Any, bool], None], points: int = NOBODY_WAITS
    ) -> None:
        task = Task(what, Actor(what, work), then)
        self.tasks.append(task)
        self.go_on(task, points)

    def go_on(self, task: Task, points: int) -> None:
        """Let a request go through so many points, or up to a lock that somebody has."""
        for _point in range(points):
            if task.actor.pending is None or not self.points.may_go(task.actor):
                break
            task.actor.resume()
        if task.actor.pending is None:
            self.tasks.remove(task)
            task.then(task.actor.result, task.interrupted)
        task.interrupted = True

    def die(self, task: Task) -> None:
        """The process of a request ends here: before its lock, before its commit, or before its answer."""
        task.actor.die()
        self.tasks.remove(task)

    def work(self) -> None:
        """A worker does what was ordered for when Redis is back."""
        if self.points.fault is None:
            moment = now()
            self.travel.shift(3 * 3600)  # such a job is the scheduler's, a second later by whatever clock there was
            for identity in truth.removals_owed():
                self._begin("work", lambda identity=identity: self._perform(identity), lambda *_: None)
            self.travel.move_to(moment, tick=False)

    def _perform(self, identity: str) -> None:
        with self._app.app_context():
            perform(identity)

    def redis_leaves(self, why: redis.RedisError) -> None:
        """It refuses, or it takes commands and does not answer."""
        self.points.fault = why

    def redis_returns(self) -> None:
        """With all that it had; circuit breakers close, and a worker is there."""
        self.points.fault = None
        self.close_the_breaker()

    def redis_starts_again(self, *, snapshot: bool) -> None:
        """Another run of it, empty or with what it had a while ago."""
        if not snapshot:
            (self.valkey.folder / "dump.rdb").unlink(missing_ok=True)
        self.valkey.stop()
        self.valkey.start()
        self.close_the_breaker()

    def close_the_breaker(self) -> None:
        """The next command is tried, whatever happened to the one before."""
        vars(self._app.extensions["redis_breaker"]).update(vars(Breaker()))

    def no_clock_goes_back(self) -> None:
        """A person's newest timestamp never falls, whatever the wall clock does."""
        clocks = truth.clocks()
        assert all(clocks[user_id] >= last for user_id, last in self._clocks.items())
        self._clocks = clocks

    def abandon(self) -> None:
        """The story broke off."""
        for task in self.tasks:
            task.actor.die()

    def finish(self) -> None:
        """Everything comes to its end; then each page polls once more and knows the truth; its next poll is idle."""
        self.redis_returns()
        while self.tasks:
            count = len(self.tasks)
            for task in list(self.tasks):
                self.go_on(task, NOBODY_WAITS)
            assert len(self.tasks) < count, "they wait for each other"
        while self.points.late:
            self.points.late.pop(0)()
        self.work()
        assert not truth.removals_owed()
        for poller in self.pollers:
            for idle in (False, True):
                before = self.points.statements
                answer = poller.ask()
                asked = self.points.statements - before
                if poller.ended:
                    assert answer.status_code == 401
                    break
                assert answer.status_code == 200
                if idle:
                    assert asked == 0, "an idle poll asked the database"
                    assert answer.get_json() == []
                poller.listen(answer.get_json(), poller.since)
                assert idle or poller.knows_the_truth(), f"{poller} does not know the truth"
