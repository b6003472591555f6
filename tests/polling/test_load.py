"""A server under load asks pollers to come less often, then sends some of them away, and never people who write."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.config import ROOT, Settings
from app.extensions import db as the_db
from app.messages.queries import conversations
from app.notifications import publish_state
from app.polling.idle_middleware import IdlePolls
from app.polling.load import RETRY_AFTER, STEPS, TIME_CONSTANT, Load
from app.run.services import GRANIAN, Services
from app.web.request_buffering import BODY_READERS
from tests.factories import a_user
from tests.support.ports import wait_for


class Clock:
    """A clock that stands until it is told how long something took."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Dice:
    """Dice that always show the same: 0 is the unluckiest throw."""

    def __init__(self, shows: float) -> None:
        self.shows = shows

    def __call__(self) -> float:
        return self.shows


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def dice():
    return Dice(0.0)


@pytest.fixture
def install_load(app, monkeypatch):
    """Put the room, with another measure, in front of the app; GET /work keeps a thread busy as long as told."""

    def arrange(load, work=lambda seconds: None):
        inner = app.wsgi_app

        def working(environ, start_response):
            if environ["PATH_INFO"] != "/work":
                return inner(environ, start_response)
            work(float(environ["QUERY_STRING"] or 0))
            start_response("204 No Content", [])
            return []

        monkeypatch.setitem(app.extensions, "web_load", load)
        monkeypatch.setattr(app, "wsgi_app", IdlePolls(app, working))
        return load

    return arrange


@pytest.fixture
def site(install_load, clock, dice):
    """The app, as one process with a single thread and a clock in our hands."""
    load = Load(1, 10, clock=clock, cpu=lambda: 0.0, dice=dice)
    return install_load(load, lambda seconds: setattr(clock, "now", clock.now + seconds))


@pytest.fixture
def ana(as_):
    """A person whose next poll is idle."""
    browser = as_("ana")
    publish_state(browser.user.id, "unread_message_count", 0)
    the_db.session.commit()
    browser.since = browser.get("/notifications").get_json()[-1]["timestamp"]
    return browser


def idle_poll(browser):
    """An idle poll."""
    return browser.get(f"/notifications?since={browser.since}")


def full_poll(browser):
    """A poll that only the database can answer."""
    return browser.get("/notifications?since=0")


def keep_busy(browser, part: float, seconds: float = 8 * TIME_CONSTANT) -> None:
    """Let that part of the time be work, long enough for the average to follow."""
    for _ in range(int(seconds)):
        browser.get(f"/work?{part}")
        browser.application.extensions["web_load"]._clock.now += 1 - part


def test_poll_interval_follows_the_load(ana, site, clock):
    told = []
    for part in (0.0, 0.3, 0.55, 0.75, 0.88, 1.0, 0.65, 0.55, 0.3, 0.0):
        keep_busy(ana, part)
        response = idle_poll(ana)
        assert response.get_json() == []
        told.append(int(response.headers["Poll-Interval"]))
    assert told == [10, 10, 20, 30, 60, 60, 30, 20, 10, 10]


def test_short_burst_does_not_change_the_poll_interval(ana, site):
    ana.get("/work?3")
    assert idle_poll(ana).headers["Poll-Interval"] == "10"


def test_load_near_a_threshold_does_not_change_the_interval_repeatedly(ana, site):
    keep_busy(ana, 0.52)
    intervals = []
    for part in (0.48, 0.52, 0.45, 0.5) * 3:
        keep_busy(ana, part, 20)
        intervals.append(idle_poll(ana).headers["Poll-Interval"])
    assert set(intervals) == {"20"}


def test_load_is_reset_after_an_idle_hour(ana, site, clock):
    keep_busy(ana, 1.0)
    clock.now += 3600
    assert idle_poll(ana).headers["Poll-Interval"] == "10"


def test_idle_and_full_polls_return_the_same_interval(ana, site, dice):
    dice.shows = 0.999
    for part in (0.0, 0.6, 1.0):
        keep_busy(ana, part)
        assert full_poll(ana).headers["Poll-Interval"] == idle_poll(ana).headers["Poll-Interval"] == str(site.interval)


def test_overloaded_server_rejects_full_polls_but_not_idle_ones(ana, site, queries):
    keep_busy(ana, 1.0)
    with queries() as asked:
        refused, answered = full_poll(ana), idle_poll(ana)
    assert len(asked) == 0, asked
    assert refused.status_code == 503
    assert refused.get_json() == {"error": "busy", "status": 503}
    assert refused.headers["Poll-Interval"] == "60"
    assert refused.headers["Content-Security-Policy"] == answered.headers["Content-Security-Policy"]
    assert answered.status_code == 200
    keep_busy(ana, 0.5)
    assert full_poll(ana).status_code == 200


def test_rejected_polls_get_different_retry_times(ana, site, dice):
    keep_busy(ana, 1.0)
    told = []
    for shows in (0.0, 0.4, 0.85):
        dice.shows = shows
        told.append(int(full_poll(ana).headers["Retry-After"]))
    assert told[0] == RETRY_AFTER[0]
    assert all(earlier < later <= RETRY_AFTER[1] for earlier, later in pairwise(told))


def test_some_polls_are_always_accepted_under_overload(ana, site, dice):
    keep_busy(ana, 1.0)
    dice.shows = 0.95
    assert full_poll(ana).status_code == 200


def test_page_requests_are_never_rejected_under_overload(ana, site, db):
    ben = a_user("ben")
    keep_busy(ana, 1.0)
    assert full_poll(ana).status_code == 503
    assert ana.get("/").status_code == 200
    assert ana.post_form("/post", {"post": "Hello", "form_key": "k"}).status_code == 303
    assert ana.submit("/messages/ben", {"message": "Hello"}).status_code == 303
    assert conversations.between(ana.user, ben) is not None


def test_failed_request_does_not_count_as_load(install_load, as_, clock):
    def fail(_seconds):
        raise RuntimeError("broken")

    load = install_load(Load(1, 10, clock=clock, cpu=lambda: 0.0), fail)
    ana = as_("ana")
    for _ in range(3):
        with pytest.raises(RuntimeError, match="broken"):
            ana.get("/work")
    clock.now += 60
    assert ana.get("/").status_code == 200
    assert load.interval == 10


def test_busy_threads_count_as_load(install_load, ana):
    """Real threads, on a clock that runs twenty times as fast."""
    install_load(Load(4, 10, clock=lambda: 20 * time.monotonic(), cpu=lambda: 0.0, dice=Dice(0.0)), time.sleep)
    app, over = ana.application, threading.Event()
    environ = EnvironBuilder("/work", query_string="0.1", base_url=app.config["SITE_URL"]).get_environ()

    def work() -> None:
        while not over.is_set():
            run_wsgi_app(app, dict(environ), buffered=True)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(work)
        try:
            wait_for(lambda: idle_poll(ana).headers["Poll-Interval"] == "60", seconds=30)
            wait_for(lambda: full_poll(ana).status_code == 503, seconds=30)
            assert idle_poll(ana).status_code == 200
        finally:
            over.set()
    wait_for(lambda: full_poll(ana).status_code == 200, seconds=30)
    wait_for(lambda: idle_poll(ana).headers["Poll-Interval"] == "10", seconds=30)


def test_busy_cpu_counts_as_load_even_with_free_threads(install_load, ana, clock):
    """As in a flood of idle polls: each is over at once, and the core has no time for more."""
    cpu = Clock()
    load = Load(4, 10, clock=clock, cpu=cpu, dice=Dice(0.0))
    install_load(load, lambda seconds: setattr(cpu, "now", cpu.now + seconds))
    told = []
    for part in (0.4, 0.6, 0.95, 1.3, 0.0):  # the web server's own threads count too, on other cores
        for _ in range(8 * int(TIME_CONSTANT)):
            ana.get(f"/work?{part}")
            clock.now += 1
        told.append((idle_poll(ana).headers["Poll-Interval"], full_poll(ana).status_code))
    assert told == [("10", 200), ("20", 200), ("60", 503), ("60", 503), ("10", 200)]


def test_load_measures_cpu_time_of_its_own_process():
    """Two threads that only calculate, and no request: the default clocks see them."""
    load = Load(4, 10)
    end = time.monotonic() + 1.2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _number: [None for _ in iter(lambda: time.monotonic() < end, False)], range(2)))
    load.enter()
    load.leave()
    assert load.busy > 0.005


def test_load_steps_increase():
    for lower, upper in pairwise(STEPS):
        assert lower.busy < upper.busy
        assert lower.times < upper.times


def test_web_server_runs_the_measured_number_of_threads(tmp_path, monkeypatch):
    default = Settings().web_threads
    line = (ROOT / "Procfile").read_text()
    assert f"--blocking-threads $((${{WEB_THREADS:-{default}}} + {BODY_READERS})) " in line
    assert f"granian {' '.join(GRANIAN)} " in line
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr("app.run.ports.check", lambda host, port: None)
    web = Services(Settings(data_dir=tmp_path, web_threads=7, mail_server="smtp.example")).web
    assert web.command[web.command.index("--blocking-threads") + 1] == str(7 + BODY_READERS)
    assert " ".join(GRANIAN) in " ".join(web.command)
