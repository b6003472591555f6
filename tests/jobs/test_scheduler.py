"""The scheduler: from the rows alone, everything that Redis lost or a dead worker left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.time import now
from app.jobs import enqueue, perform, scheduler
from app.jobs.recovery import SILENT_AFTER
from app.jobs.registry import MAX_CRASHES, definitions, job
from app.jobs.scheduler import LOST_AFTER, LOST_ANYWAY_AFTER
from app.models import Job
from tests.support.client import in_new_context


@pytest.fixture
def run_scheduler(app, db):
    """One round of a scheduler process."""

    def scheduled(step=scheduler.run_once):
        def inside():
            with app.app_context():
                return step()

        return in_new_context(inside)

    return scheduled


@pytest.fixture
def enqueue_work(db, work):
    """Order "test.work" and commit."""

    def ordered(**options):
        row = enqueue("test.work", **options)
        db.session.commit()
        return row

    return ordered


def queued_ids(valkey, queue="default") -> list[str]:
    return [identity.decode() for identity in valkey.client.lrange(f"rq:queue:{queue}", 0, -1)]


def a_dead_attempt(db, row, *, seconds=SILENT_AFTER + 1) -> None:
    row.state, row.run_token, row.attempts = "running", "dead", row.attempts + 1
    row.heartbeat_at = now() - timedelta(seconds=seconds)
    db.session.commit()


def test_idle_scheduler_writes_nothing(run_scheduler, enqueue_work, queries, valkey):
    enqueue_work()
    with queries() as asked:
        assert run_scheduler() == 0
    assert all(statement.lstrip().startswith("SELECT") for statement in asked), asked


def test_delayed_job_is_queued_when_due(run_scheduler, enqueue_work, time_machine, valkey):
    time_machine.move_to(now())
    row = enqueue_work(delay=60)
    assert run_scheduler() == 0
    time_machine.shift(61)
    assert run_scheduler() == 1
    assert queued_ids(valkey) == [row.id]
    assert run_scheduler() == 0


def test_job_lost_by_redis_is_queued_again(run_scheduler, enqueue_work, time_machine, valkey):
    time_machine.move_to(now())
    row = enqueue_work()
    valkey.flush()
    assert run_scheduler() == 0  # it may be on its way
    time_machine.shift(LOST_AFTER + 1)
    assert run_scheduler() == 1
    assert queued_ids(valkey) == [row.id]


def test_job_lost_from_a_busy_queue_is_queued_again(run_scheduler, enqueue_work, time_machine, valkey):
    time_machine.move_to(now())
    row = enqueue_work()
    valkey.flush()
    valkey.client.rpush("rq:queue:default", "another")
    time_machine.shift(LOST_AFTER + 1)
    assert run_scheduler() == 0
    time_machine.shift(LOST_ANYWAY_AFTER)
    assert run_scheduler() == 1
    assert queued_ids(valkey) == ["another", row.id]


def test_job_waiting_in_a_long_queue_is_not_queued_twice(run_scheduler, enqueue_work, time_machine, valkey):
    """Else a backlog grows by itself every two minutes, and the workers never see its end."""
    time_machine.move_to(now())
    row, lost = enqueue_work(), enqueue_work()
    valkey.client.lrem("rq:queue:default", 1, lost.id)
    for _ in range(3):
        time_machine.shift(LOST_ANYWAY_AFTER + 1)
        run_scheduler()
    assert queued_ids(valkey) == [row.id, lost.id]


def test_job_enqueued_during_a_redis_outage_is_queued_later(run_scheduler, enqueue_work, time_machine, valkey, app):
    time_machine.move_to(now())
    valkey.stop()
    row = enqueue_work()
    assert run_scheduler() == 0
    valkey.start()
    vars(app.extensions["redis_breaker"])["_open_until"] = 0.0
    time_machine.shift(LOST_AFTER + 1)
    assert run_scheduler() == 1
    assert queued_ids(valkey) == [row.id]


def test_attempt_without_heartbeat_is_restarted(run_scheduler, enqueue_work, run_jobs, work, db):
    row = enqueue_work()
    a_dead_attempt(db, row, seconds=SILENT_AFTER - 2)
    run_scheduler()
    assert row.state == "running"
    a_dead_attempt(db, row)
    run_scheduler()
    assert (row.state, row.crashes) == ("queued", 1)
    run_jobs()
    assert len(work.runs) == 1
    assert row.state == "done"


def test_job_that_kills_its_workers_fails_after_the_crash_limit(run_scheduler, enqueue_work, as_, db, run_jobs, work):
    ana = as_("ana")
    row = enqueue_work(owner=ana.user)
    for _ in range(MAX_CRASHES):
        assert row.state == "queued"
        a_dead_attempt(db, row)
        run_scheduler()
    assert row.state == "failed"
    assert str(MAX_CRASHES) in row.error
    (told,) = [one for one in ana.get("/notifications").get_json() if one["name"] == "task_progress"]
    assert told["data"]["state"] == "failed"
    assert run_jobs() == []
    assert work.runs == []


def test_attempt_presumed_dead_changes_nothing(run_scheduler, enqueue_work, db, app, work):
    """Held for dead, revived, run by another: the first one's end is not recorded."""
    row = enqueue_work()

    def swept_away(**_args):
        db.session.rollback()
        a_dead_attempt(db, db.session.scalars(select(Job)).one())
        scheduler.run_once()

    work.does = swept_away
    run_scheduler(lambda: perform(row.id))
    assert row.state == "queued"
    assert row.crashes == 1


def test_clock_set_back_delays_no_job(run_scheduler, enqueue_work, time_machine, valkey, run_jobs, work, db):
    start = now()
    time_machine.move_to(start + timedelta(hours=1))
    row, delayed = enqueue_work(number=1), enqueue_work(number=2, delay=60)
    running = enqueue_work(number=3)
    a_dead_attempt(db, running, seconds=0)
    valkey.flush()
    time_machine.move_to(start)
    run_scheduler()
    assert {row.id, delayed.id, running.id} <= set(queued_ids(valkey))
    assert running.state == "queued"


def test_periodic_jobs_are_enqueued_at_their_interval(run_scheduler, time_machine, db):
    time_machine.move_to(now())
    job("test.periodic", every=3600)(lambda: None)
    try:
        for expected in (1, 1):
            run_scheduler(scheduler.enqueue_periodic)
            rows = db.session.scalars(select(Job).where(Job.name == "test.periodic")).all()
            assert len(rows) == expected
        rows[0].state = "done"
        db.session.commit()
        time_machine.shift(3601)
        run_scheduler(scheduler.enqueue_periodic)
        assert len(db.session.scalars(select(Job).where(Job.name == "test.periodic")).all()) == 2
    finally:
        del definitions["test.periodic"]


def test_finished_jobs_are_pruned(run_scheduler, enqueue_work, db):
    old, recent, open_ = enqueue_work(), enqueue_work(), enqueue_work()
    old.state, old.finished_at = "done", now() - timedelta(days=scheduler.KEEP_DAYS + 1)
    recent.state, recent.finished_at = "failed", now() - timedelta(days=1)
    db.session.commit()
    kept = {recent.id, open_.id}
    assert run_scheduler(scheduler.prune) == 1
    assert run_scheduler(scheduler.prune) == 0
    assert set(db.session.scalars(select(Job.id))) == kept


def test_undeclared_job_does_not_block_others(run_scheduler, enqueue_work, run_jobs, db, work, valkey):
    row = enqueue_work()
    db.session.add(Job(name="test.gone", args={}, queue="default"))
    db.session.commit()
    assert run_scheduler() == 1
    run_jobs(may_fail=True)
    assert row.state == "done"


def test_dead_attempt_is_restarted_without_a_key_taken_by_another_job(run_scheduler, enqueue_work, db):
    """One row that cannot be saved would keep every other dead job from being revived."""
    first = enqueue_work(unique_key="k")
    a_dead_attempt(db, first)
    second, other = enqueue_work(unique_key="k"), enqueue_work()
    a_dead_attempt(db, other)
    run_scheduler()
    assert (first.state, first.unique_key) == ("queued", None)
    assert (second.state, second.unique_key) == ("queued", "k")
    assert other.state == "queued"


def test_two_dead_attempts_with_one_unique_key_are_both_restarted(run_scheduler, enqueue_work, db):
    pair = []
    for _ in range(2):
        pair.append(enqueue_work(unique_key="k"))
        a_dead_attempt(db, pair[-1])
    run_scheduler()
    assert [row.state for row in pair] == ["queued", "queued"]
    assert sorted(str(row.unique_key) for row in pair) == ["None", "k"]
