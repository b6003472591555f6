"""Whatever happens in whatever order, a page that polls once more knows the truth, in random stories.

There are 1,000 stories for each database, or 2,000 with EXPLORE_ALL=1.

People send, read, follow, log in and out; pages poll, each remembering only the newest timestamp it saw. Any request
may stop at any point where others could notice it (points.py), while the story goes on around it, and go on or die
there: before its lock, with the lock held, after the removal and before the commit, after the commit and before the
answer. Redis forgets a hash or all of them, is replaced by another run of itself with an older snapshot, refuses, or is
silent and gets its commands later. The wall clock jumps.

What is asked of the site, all in this process: no page is told anything twice or out of order; no person's clock goes
back; a poll that nothing interrupted leaves its page with the truth as plain SQL counts it (truth.py), `[]` included.
One thing may make it late: a removal that Redis did not take. Then the job that makes up for it must be waiting. At the
end all requests end, the jobs run, each page polls once more and knows the truth, and the poll after that asks the
database nothing.

It was tried against code broken on purpose, and found it: the hash removed after the commit, or never; filled without
the clock lock, or for a login that has ended; a hash of another run of Redis believed; no job ordered for a removal
that failed; timestamps of the wall clock alone. A fill without the lease takes two pages and a late answer in one
order of many: test_interleavings.py finds that.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.core import redis_client
from app.core.time import now
from app.notifications import poll_cache
from tests.badge import truth
from tests.badge.points import Points
from tests.badge.population import NOBODY_WAITS, Town

pytestmark = pytest.mark.slow

EXAMPLES = 2_000 if "EXPLORE_ALL" in os.environ else 1_000
PARTS = 4  # they run side by side with -n
RULES = 8  # of one story, at most; requests of a story that stopped go on at its end
BASE = datetime(2026, 3, 1, 12, tzinfo=UTC)

WHICH = st.integers(0, 5)
# Mostly a request runs to its end.
POINTS = st.sampled_from([NOBODY_WAITS] * 5 + [0, 1, 2, 3, 4])
SILENT, REFUSES = redis.TimeoutError("no answer in time"), redis.ConnectionError("refused")


@pytest.fixture
def town(app, as_, db, valkey, time_machine, monkeypatch):
    """Ana with two browsers, Ben with one, Cleo with one."""
    monkeypatch.setitem(app.config, "RATELIMIT_ENABLED", False)  # a stranger may write more often than is answered
    # A story happens in no time, and the same way again: it says itself when Redis is slow and when breakers close.
    monkeypatch.setattr(redis_client, "OPEN_FOR", 1e9)
    pool = app.extensions["redis"].connection_pool
    monkeypatch.setitem(pool.connection_kwargs, "socket_timeout", 30)
    pool.disconnect()
    time_machine.move_to(BASE, tick=False)
    browsers = [as_(name) for name in ("ana", "ana", "ben", "cleo")]
    for browser in browsers:
        browser.user.last_seen = now() + timedelta(days=1)  # or each would once write that it was here
    db.session.commit()
    points = Points(app)
    with truth.asked(), points.watched():
        yield Town(app, valkey, points, time_machine, browsers)
    (valkey.folder / "dump.rdb").unlink(missing_ok=True)


def choose(things, which):
    """One of them. What is drawn does not depend on the state, so a story can be cut shorter anywhere."""
    return things[which % len(things)]


class Stories(RuleBasedStateMachine):
    """One story. A new kind of event is a new rule, and its count a line in Poller.knows_the_truth."""

    town: Town

    def __init__(self):
        super().__init__()
        self.town.travel.move_to(BASE, tick=False)
        self.town.start()

    @rule(who=WHICH, whom=WHICH, points=POINTS)
    def send(self, who, whom, points):
        self.town.send(*self._two(who, whom), points)

    @rule(who=WHICH, whom=WHICH, points=POINTS)
    def read(self, who, whom, points):
        self.town.read(*self._two(who, whom), points)

    @rule(who=WHICH, whom=WHICH, points=POINTS)
    def follow(self, who, whom, points):
        self.town.follow(*self._two(who, whom), points)

    @rule(who=WHICH, points=POINTS)
    def read_activity(self, who, points):
        self.town.read_activity(self._one(who), points)

    @rule(which=WHICH, points=POINTS)
    def poll(self, which, points):
        self.town.poll(choose(self.town.pollers, which), points)

    @rule(which=WHICH, points=POINTS)
    def poll_again(self, which, points):
        """Most of what a site is asked for."""
        self.poll(which, points)

    @rule(which=WHICH)
    def poll_that_gives_up(self, which):
        self.town.poll_that_gives_up(choose(self.town.pollers, which))

    @rule(who=WHICH, points=POINTS)
    def log_in(self, who, points):
        self.town.log_in(choose(self.town.people, who), points)

    @rule(who=WHICH, points=POINTS)
    def log_out(self, who, points):
        self.town.log_out(self._one(who), points)

    @rule(which=WHICH, points=st.integers(1, 3))
    def go_on(self, which, points):
        if self.town.tasks:
            self.town.go_on(choose(self.town.tasks, which), points)

    @rule(which=WHICH)
    def die(self, which):
        if self.town.tasks:
            self.town.die(choose(self.town.tasks, which))

    @rule(whose=WHICH)
    def a_hash_runs_out(self, whose):
        self.town.valkey.client.delete(poll_cache.key(choose(self.town.people, whose).id))

    @rule(how=st.sampled_from(["empty"] * 4 + ["save"] * 5 + ["restart"] + ["restore"] * 2))
    def redis_forgets(self, how):
        client = self.town.valkey.client
        if how == "empty":
            client.flushall()
        elif how == "save":
            for page in list(self.town.pollers):  # else there is hardly ever something to save
                self.town.poll(page, NOBODY_WAITS)
            client.save()
        else:
            self.town.redis_starts_again(snapshot=how == "restore")

    @rule(why=st.sampled_from([SILENT, REFUSES]))
    def redis_leaves(self, why):
        self.town.redis_leaves(why)

    @rule(works=st.booleans())
    def redis_returns(self, works):
        self.town.redis_returns()
        if works:
            self.town.work()

    @rule()
    def circuit_breakers_try_again(self):
        self.town.close_the_breaker()

    @rule(which=WHICH)
    def redis_hears_what_was_late(self, which):
        late = self.town.points.late
        if late and self.town.points.fault is None:
            late.pop(which % len(late))()

    @rule(seconds=st.sampled_from([-3600, -1, -1e-6, 0, 1e-6, 1, 3600]))
    def the_wall_clock_jumps(self, seconds):
        self.town.travel.move_to(BASE + timedelta(seconds=seconds), tick=False)

    @invariant()
    def no_clock_goes_back(self):
        self.town.no_clock_goes_back()

    def teardown(self):
        if sys.exc_info()[0] is None:
            self.town.finish()
        else:
            self.town.abandon()

    def _one(self, which):
        return choose(self.town.open_pages(), which)

    def _two(self, who, whom):
        one = self._one(who)
        return one, choose([person for person in self.town.people if person.id != one.person.id], whom)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_shows_the_correct_badge_after_one_more_poll(town, part):
    story = type("Story", (Stories,), {"town": town})
    run_state_machine_as_test(
        story,
        settings=settings(
            max_examples=EXAMPLES // PARTS,
            stateful_step_count=RULES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
