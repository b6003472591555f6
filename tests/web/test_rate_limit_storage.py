"""Rate limits in Redis: counted and read in one round trip, with the same results as the library's own storage."""

from __future__ import annotations

import random

import pytest
from flask import g
from limits.storage import RedisStorage

from app.core.time import now
from app.extensions import limiter
from app.web.rate_limit_storage import RateLimitStorage

pytestmark = pytest.mark.one_database


@pytest.fixture
def drafting(as_, rate_limits, time_machine):
    """A function that saves a draft, and returns the response. Time stands still, because the limit is of a minute."""
    time_machine.move_to(now(), tick=False)
    ana = as_("ana")
    as_("ben")
    return lambda: ana.post_form("/messages/ben/draft", {"message": "Dear", "own_seq": "0"})


def remaining(answer) -> int:
    return int(answer.headers["X-RateLimit-Remaining"])


def test_each_limit_costs_one_round_trip(drafting, valkey):
    drafting()
    valkey.client.config_resetstat()
    assert "X-RateLimit-Remaining" in drafting().headers
    calls = valkey.client.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] == 2  # per account and per address


def test_headers_count_down_to_a_rejection(drafting):
    seen = [remaining(drafting()) for _ in range(60)]
    assert seen == list(range(59, -1, -1))
    rejected = drafting()
    assert (rejected.status_code, remaining(rejected)) == (429, 0)
    assert 50 < int(rejected.headers["Retry-After"]) <= 60


def test_limits_are_counted_in_memory_while_redis_is_away(drafting, valkey):
    drafting()
    valkey.stop()
    assert [remaining(drafting()) for _ in range(2)] == [59, 58]


@pytest.mark.parametrize("seed", range(3))
def test_results_equal_those_of_the_library(app, valkey, monkeypatch, seed):
    rng, moment = random.Random(seed), [1_000.0]
    monkeypatch.setattr("time.time", lambda: moment[0])
    uri = app.config["REDIS_URL"]
    ours, theirs = RateLimitStorage(uri, key_prefix="ours"), RedisStorage(uri, key_prefix="theirs")
    with app.app_context():
        for _ in range(200):
            moment[0] += rng.choice((0, 0.25, 1, 7))
            key, cost = rng.choice("ab"), rng.choice((1, 1, 2, 6))
            assert ours.acquire_entry(key, 5, 10, cost) == theirs.acquire_entry(key, 5, 10, cost)
            expected = theirs.get_moving_window(key, 5, 10)
            assert ours.get_moving_window(key, 5, 10) == expected  # the one that was kept
            assert ours.get_moving_window(key, 5, 10) == expected  # the current one


def test_kept_window_is_returned_only_once(app, valkey):
    """A later decision must not see an outdated window."""
    storage = limiter.storage
    with app.app_context():
        storage.acquire_entry("one", 5, 10)
        g.pop("rate_limit_windows")
        storage.acquire_entry("one", 5, 10)
        RedisStorage.acquire_entry(storage, "one", 5, 10)  # another process
        assert storage.get_moving_window("one", 5, 10)[1] == 2
        assert storage.get_moving_window("one", 5, 10)[1] == 3
