"""Workers killed by pid at random moments: what was ordered is done, and its effect is there once."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing, suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.support.endless_work import Stream
from tests.support.poller import tasks
from tests.support.ports import wait_for
from tests.support.proxy import Proxy
from tests.support.seeded_random import TWENTY

pytestmark = pytest.mark.slow

WORKERS = ("worker-1", "worker-2")
READY = "tests.support.ready_worker"
IN_TIME = 120  # seconds in which what a killed worker left is done
SILENCE, LOSS = 16, 11  # seconds after which the scheduler takes an attempt for dead, a pushed job for lost


def message_ids(stack, name: str, link: str) -> list[str]:
    """The Message-IDs of the mails to somebody that hold a link of that kind; copies of one have one."""
    return [mail.message_id for mail in stack.mails.to(f"{name}@example.org") if link in mail.text]


def test_workers_killed_at_twenty_moments_lose_no_job(stack, ask, moments):
    """R9: a worker as a whole, or one process of it: its scheduler, or the child that runs the job."""
    with closing(Stream(stack)) as stream, Proxy(stack.mails.port) as slow_mail:
        slow_mail.delay(0.01)
        for worker in WORKERS:
            stack.restart(worker, module=READY, MAIL_PORT=str(slow_mail.port))
        with stream:
            for _ in range(TWENTY):
                pids = wait_for(lambda: at_work(stack), seconds=30, every=0.005, why="a worker at work")
                time.sleep(moments.uniform(0, 0.3))
                send(signal.SIGKILL, moments.choice((pids[:1], pids[1:2], pids)))
        unfinished = "SELECT name, state FROM job WHERE state IN ('queued', 'running')"
        wait_for(lambda: ask(unfinished) == [], seconds=IN_TIME, why="every job")
        assert ask("SELECT name, error FROM job WHERE state = 'failed'") == []
        ((crashes,),) = ask("SELECT sum(crashes) FROM job")
        assert crashes > 0  # else we never hit one at work
        assert stream.unlike_once() == {}
    copies = len(stack.mails) - len({mail.message_id for mail in stack.mails})
    assert copies <= TWENTY


def at_work(stack) -> list[int]:
    """The processes of a worker that is in the middle of a job: its scheduler, the child, and the fork of a long job.

    [] when none is.
    """
    client = stack.valkey.client
    known = [client.hmget(key, "state", "pid") for key in client.scan_iter("rq:worker:*")]
    busy = {int(pid) for state, pid in known if state == b"busy" and pid}
    found = [stack.pids(worker)[1:] for worker in WORKERS]
    return next((pids for pids in found if busy & set(pids[1:])), [])


def exports(visitor) -> list[tuple[str, tuple[str, int]]]:
    """The tasks a person's page knows of."""
    return [(state["task_id"], (state["state"], state["progress"])) for state in tasks(visitor)]


def test_worker_killed_between_taking_and_starting_a_job_loses_nothing(stack, ask, moments):
    """R10: stopped while it waits, handed a job, and killed as soon as it goes on. Redis no longer has the job."""
    names = [f"taken{moments.chosen}x{number}" for number in range(TWENTY)]
    stack.kill("worker-2")
    stack.restart("worker-1", module=READY)
    taken = 0
    for name in names:
        worker = wait_for(lambda: stopped(stack), seconds=60, every=0.01, why="the worker to listen")
        stack.person(name).close()
        taken += stack.valkey.client.llen("rq:queue:mail") == 0  # else it had just been given an earlier one
        send(signal.SIGCONT, worker)
        time.sleep(moments.choice((0, moments.uniform(0, 0.02))))
        send(signal.SIGKILL, worker)
    assert taken > TWENTY // 4
    stack.shift_clock(LOSS)
    wait_for(
        lambda: all(message_ids(stack, name, "/auth/confirm") for name in names), seconds=IN_TIME, why="every mail"
    )
    assert [len(set(message_ids(stack, name, "/auth/confirm"))) for name in names] == [1] * TWENTY
    assert ask("SELECT name, error FROM job WHERE state = 'failed'") == []


def send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it ended by itself just now
            os.kill(pid, number)


def stopped(stack) -> list[int]:
    """Stop worker-1 while it waits for jobs, and return its processes; [] when it does not, or its scheduler writes: it
    would keep SQLite's lock.
    """
    if not waits_for_jobs(stack):
        return []
    worker = stack.pids("worker-1")[1:]
    send(signal.SIGSTOP, worker)
    engine = stack.engine()
    try:
        with engine.connect().execution_options(nowait=True) as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError:
        send(signal.SIGCONT, worker)
        return []
    finally:
        engine.dispose()
    return worker


def waits_for_jobs(stack) -> bool:
    return any(client["cmd"] == "blpop" and "b" in client["flags"] for client in stack.valkey.client.client_list())


def test_job_that_crashes_its_worker_fails_and_can_be_retried(stack, people, ask, tmp_path):
    """R11: others go on, its owner hears that it failed, and may try again when it is cured."""
    (name, ana), (other, _ben) = people(2)
    for worker in WORKERS:
        stack.kill(worker)
    stack.start_one("worker-1", module="tests.support.poison")
    antidote = tmp_path / "antidote"
    ordered = stack.run("tests.support.poison", "order", name, str(antidote))
    assert ordered.wait(20) == 0, ordered.communicate()[0].decode()
    ordered.stdout.close()
    running = "SELECT 1 FROM job WHERE name = 'tests.poison' AND state = 'running' AND attempts = :attempt"
    for attempt in range(1, 6):
        wait_for(lambda attempt=attempt: ask(running, attempt=attempt), seconds=20, why=f"attempt {attempt}")
        if attempt == 2:
            assert ana.post_form(f"/send_message/{other}", {"message": "work goes on"}).status_code == 303
            wait_for(lambda: message_ids(stack, other, "/messages/"), seconds=20, why="the work of others")
        stack.shift_clock(SILENCE)
    parked = "SELECT id, crashes FROM job WHERE name = 'tests.poison' AND state = 'failed'"
    ((task, crashes),) = wait_for(lambda: ask(parked), seconds=20, why="it to be parked")
    assert crashes == 5
    assert [state for _task, state in exports(ana)] == [("failed", 0)]
    assert "was interrupted several times" in ana.get("/tasks").text
    antidote.touch()
    assert ana.post_form(f"/tasks/{task}/retry").status_code in {302, 303}
    wait_for(lambda: exports(ana) == [(task, ("done", 100))], seconds=20, why="the cured job")
