"""Redis dead, paused, emptied, full, or cut off, while people write: they hardly notice, and nothing is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import pytest

from tests.support.endless_work import Stream
from tests.support.poller import Poller, unread
from tests.support.ports import wait_for
from tests.support.proxy import Proxy
from tests.support.seeded_random import TWENTY

pytestmark = pytest.mark.slow

WORKERS = ("worker-1", "worker-2")
SENDS = 3  # for each of two writers in one round
REDIS_TAKES = 1.0  # seconds that an outage may add to a request in each of the two web processes
OUTAGE = 20  # seconds
LOSS = 11  # seconds after which the scheduler takes a pushed job for lost
HARMED = 5  # connections through the proxy
BACK = 10  # seconds after which jobs are taken again


@contextmanager
def redis_outage(stack, how: str):
    """Redis in a bad state while the block runs."""
    client = stack.valkey.client
    if how == "dead":
        stack.valkey.stop()
    elif how == "paused":
        stack.valkey.signal(signal.SIGSTOP)
    elif how == "emptied":
        stack.valkey.flush()
    elif how == "full":
        client.config_set("maxmemory", "1mb")
        client.config_set("maxmemory-policy", "noeviction")
    try:
        yield
    finally:
        stack.valkey.revive()
        if how == "full":
            client.config_set("maxmemory", "0")


def unfinished(ask) -> list:
    return ask("SELECT name, state, error FROM job WHERE state <> 'done'")


def test_redis_outages_at_twenty_moments_lose_no_message(stack, people, ask, moments):
    """R12: each round two people write and one reads; at some moment of it Redis goes, and comes back later."""
    (name, reader), (one, ana), (other, ben) = people(3)
    poller, slowest, sent = Poller(reader), 0.0, []

    def timed(send: Callable, *arguments) -> float:
        began = time.monotonic()
        answer = send(*arguments)
        assert answer.status_code in {200, 302, 303}, answer.text
        return time.monotonic() - began

    def write(writer, round_number: object) -> float:
        longest = 0.0
        for number in range(SENDS):
            body = f"{writer.user}: {round_number}.{number}"
            longest = max(longest, timed(writer.post_form, f"/send_message/{name}", {"message": body}))
            sent.append(body)
            time.sleep(0.05)
        return max(longest, timed(writer.post_form, "/export_posts"))

    def knows_the_truth() -> bool:
        poller.poll()
        return poller.badge == unread(ask, name)

    ana.user, ben.user = one, other
    usual = 0.0  # seconds: the slowest request with Redis, on a machine as busy as this one
    kinds = ["dead", "paused", "emptied", "full"] * (TWENTY // 4)
    moments.shuffle(kinds)
    with ThreadPoolExecutor(2) as pool:
        for number, how in enumerate(kinds):
            if number % 2 == 0:
                usual = max(usual, *pool.map(write, (ana, ben), [f"usual {number}"] * 2))
            writing = [pool.submit(write, writer, number) for writer in (ana, ben)]
            time.sleep(moments.uniform(0, 0.3))
            with redis_outage(stack, how):
                slowest = max(slowest, *(one.result() for one in writing))
                if moments.random() < 0.5:  # else the page asks again only when Redis is back, with what it held before
                    slowest = max(slowest, poller.poll())
                    assert poller.badge == unread(ask, name), (number, how)
                time.sleep(moments.uniform(0, 0.3))
                if number % 3 == 0:
                    sender = moments.choice((one, other))
                    timed(reader.post_form, f"/messages/{sender}/read", {"seq": (number + 1) * SENDS})
            slowest = max(slowest, poller.poll())
            if how == "paused":  # it comes back with the answer it held, which a job removes (decision 3)
                wait_for(knows_the_truth, seconds=LOSS, why=f"the badge in round {number}")
            assert poller.badge == unread(ask, name), (number, how)
            time.sleep(moments.uniform(0, 0.7))
    assert slowest < 2 * REDIS_TAKES + 3 * usual
    assert_nothing_is_lost(stack, ask, name, sent)


def assert_nothing_is_lost(stack, ask, name: str, sent: list[str]) -> None:
    """Each message is stored once, each job ends, and `name` gets an email."""
    senders = {body.partition(":")[0] for body in sent}
    stored = [
        body for one in senders for (body,) in ask("SELECT body FROM message WHERE body LIKE :one", one=f"{one}: %")
    ]
    assert sorted(stored) == sorted(sent)
    wait_for(lambda: unfinished(ask) == [], seconds=60, why=f"the jobs; left are {unfinished(ask)}")
    told = [mail for mail in stack.mails.to(f"{name}@example.org") if "/messages/" in mail.text]
    assert told


def test_workers_survive_a_long_redis_outage(stack, people, ask):
    """R14: for one worker Redis refuses, for the other one it falls silent. Both work soon after it is back."""
    ((_name, ana),) = people(1)
    wait_for(lambda: unfinished(ask) == [], seconds=30)
    with Proxy(stack.valkey.port) as refusing, Proxy(stack.valkey.port) as silent:
        for worker, proxy in zip(WORKERS, (refusing, silent), strict=True):
            stack.restart(worker, REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0")
        wait_for(lambda: len(listening(stack)) == 2, seconds=20, why="both workers to listen")
        pids = {worker: stack.pids(worker)[0] for worker in WORKERS}
        lost = listening(stack)
        began = time.monotonic()
        refusing.refuse()
        silent.black_hole()
        assert ana.post_form("/export_posts").status_code in {302, 303}
        time.sleep(OUTAGE - (time.monotonic() - began))
        assert len(unfinished(ask)) == 1
        refusing.pass_all()
        silent.pass_all()
        wait_for(lambda: len(listening(stack) - lost) == 2, seconds=BACK, why="both workers to listen again")
        wait_for(lambda: unfinished(ask) == [], seconds=BACK, why="the job ordered meanwhile")
        assert {worker: stack.pids(worker)[0] for worker in WORKERS} == pids  # nobody started them again


def listening(stack) -> set[str]:
    """The connections on which workers wait for jobs."""
    clients = stack.valkey.client.client_list()
    return {client["id"] for client in clients if client["cmd"] == "blpop" and "b" in client["flags"]}


def test_jobs_run_once_when_redis_responses_are_lost(stack, ask, moments):
    """R13: the job is in Redis and the site does not know, or it is not and the site cannot know: done once."""
    with closing(Stream(stack)) as stream, Proxy(stack.valkey.port) as proxy:
        stack.restart("web", REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0")

        def disturb() -> None:
            """Misbehave in one way until a connection is harmed, or for a moment: a slow answer does no harm."""
            before = proxy.harmed
            moments.choice(
                (
                    lambda: proxy.drop_replies(to=b"RPUSH"),
                    lambda: proxy.drop_replies(to=b"RPUSH"),
                    lambda: proxy.cut(after=moments.randrange(300)),
                    proxy.black_hole,
                    lambda: proxy.delay(moments.uniform(0.1, 0.4)),
                )
            )()
            with suppress(AssertionError):
                wait_for(lambda: proxy.harmed > before, seconds=moments.uniform(0.2, 0.8))
            proxy.pass_all()

        def harmed_enough() -> bool:
            """A busy machine sends so little that most moments harm nothing: there are more of them then."""
            if proxy.harmed < HARMED:
                disturb()
            return proxy.harmed >= HARMED

        with stream:
            for _ in moments.twenty(0.1, 0.6):
                disturb()
            wait_for(harmed_enough, seconds=60, why=f"{HARMED} harmed connections, not {proxy.harmed}")
        stack.shift_clock(LOSS)
        wait_for(lambda: unfinished(ask) == [], seconds=60, why=f"the jobs; left are {unfinished(ask)}")
        assert stream.unlike_once() == {}
    assert len(stack.mails) == len({mail.message_id for mail in stack.mails})
    # What was running when the clock was moved looked dead, and was run once more. The removal of a poll's answer fails
    # as long as Redis is slow, and is tried again: that is what it is for.
    twice = ask("SELECT name, attempts FROM job WHERE attempts <> 1 + crashes")
    assert [name for name, _attempts in twice if name != "notifications.forget_poll"] == []
