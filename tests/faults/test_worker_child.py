"""The worker's child, which runs short jobs: it is replaced now and then, ends hung jobs, and stops as it is told."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.support.odd_worker import JOBS
from tests.support.ports import wait_for

pytestmark = pytest.mark.slow

SILENCE = 16  # seconds after which the scheduler takes an attempt for dead
ODD = "tests.support.odd_worker"


@pytest.fixture
def stack(stack):
    """One worker, with the odd jobs."""
    stack.kill("worker-2")
    stack.restart("worker-1", module=ODD)
    return stack


@pytest.fixture
def order(stack):
    """Order `count` jobs."""

    def ordered(name, count=1, **arguments):
        process = stack.run(ODD, "order", name, json.dumps(arguments), str(count))
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()

    return ordered


def pids(ask, name: str) -> list[int]:
    """The processes of its jobs, when all are done."""
    rows = ask("SELECT state, result FROM job WHERE name = :name ORDER BY finished_at", name=name)
    assert {state for state, _result in rows} == {"done"}, rows
    return [(json.loads(result) if isinstance(result, str) else result)["pid"] for _state, result in rows]


def test_child_process_is_replaced_regularly_and_long_jobs_are_forked(stack, ask, order):
    earlier = len(stack.log("worker-1"))  # tests that kill the child share the log
    order("tests.pid", 2 * JOBS, number=1)
    found = wait_for(lambda: pids(ask, "tests.pid"), seconds=60, why=stack.log("worker-1")[-2000:])
    # A periodic job may run in the same processes, so a child may have run fewer of these.
    assert len(set(found)) >= 2, found
    assert max(found.count(one) for one in found) <= JOBS, found
    order("tests.slow_pid", 2, number=1)
    forks = wait_for(lambda: pids(ask, "tests.slow_pid"), seconds=60, why="the long ones")
    assert len(set(forks)) == 2
    assert not set(forks) & set(found)
    assert stack.is_running("worker-1")
    assert "ended by itself" not in stack.log("worker-1")[earlier:]


def test_hung_job_is_killed_and_retried(stack, ask, order, tmp_path):
    note = tmp_path / "note"
    order("tests.hang", note=str(note))
    hung = int(wait_for(note.read_text, seconds=30, why="the job to hang"))
    wait_for(lambda: not alive(hung), seconds=30, why="its process to be killed")
    assert "did not end in time" in stack.log("worker-1")
    stack.shift_clock(SILENCE)
    state = "SELECT state, crashes FROM job WHERE name = 'tests.hang'"
    wait_for(lambda: ask(state) == [("done", 1)], seconds=60, why="the second attempt")


def test_first_sigterm_waits_for_the_job_and_a_second_one_aborts_it(stack, ask, order, tmp_path):
    for number, patient in enumerate((True, False)):
        note, end = tmp_path / f"note{number}", tmp_path / f"end{number}"
        order("tests.work", note=str(note), end=str(end))
        at_work = int(wait_for(note.read_text, seconds=30, why="the job to begin"))
        os.kill(stack.pids("worker-1")[0], signal.SIGTERM)
        if patient:
            time.sleep(0.5)  # it would have ended by now
            assert alive(at_work)
            end.touch()
        else:
            wait_for(lambda: ended_by_another_signal(stack), seconds=30, every=0.3, why="the worker to end")
        wait_for(lambda: not stack.is_running("worker-1"), seconds=30, why="the worker to end")
        ((state,),) = ask(
            "SELECT state FROM job WHERE name = 'tests.work' AND CAST(args AS TEXT) LIKE :this", this=f"%note{number}%"
        )
        assert state == ("done" if patient else "running")
        end.touch()
        stack.start_one("worker-1", module=ODD)


def ended_by_another_signal(stack) -> bool:
    """RQ ignores a second signal within a second of the first."""
    if stack.is_running("worker-1"):
        os.kill(stack.pids("worker-1")[0], signal.SIGTERM)
    return not stack.is_running("worker-1")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
