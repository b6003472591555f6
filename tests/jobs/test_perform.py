"""Running a job: once, whatever is pushed how often, and with a visible end."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.core.database import write_transaction
from app.core.time import now
from app.jobs import LeaseLost, PermanentError, current_job_id, enqueue, perform, report_progress, runner
from app.jobs.registry import RETRY_DELAYS
from app.models import Job, User
from tests.factories import a_user
from tests.support.client import in_new_context
from tests.support.databases import PATIENCE


@pytest.fixture
def enqueue_work(db):
    """Order "test.work" and commit."""

    def ordered(**options):
        job = enqueue("test.work", **options)
        db.session.commit()
        return job

    return ordered


@pytest.fixture
def run(app, db):
    """Perform one job as RQ does: its context is its own."""

    def performed(job):
        def inside():
            with app.app_context():
                perform(job.id)

        in_new_context(inside)
        return db.session.get(Job, job.id, populate_existing=True)

    return performed


def test_finished_job_is_recorded_as_done(work, enqueue_work, run):
    work.does = lambda **_args: {"rows": 3}
    job = run(enqueue_work(number=7))
    assert work.runs == [{"number": 7}]
    assert (job.state, job.progress, job.attempts, job.error) == ("done", 100, 1, "")
    assert job.result == {"rows": 3}
    assert job.finished_at is not None


def test_job_queued_twice_runs_once(work, enqueue_work, run):
    job = enqueue_work()
    run(job)
    run(job)
    assert len(work.runs) == 1


def test_early_or_deleted_job_does_nothing(db, work, enqueue_work, run):
    late = enqueue_work(delay=60)
    run(late)
    assert work.runs == []
    gone = enqueue_work()
    db.session.delete(gone)
    db.session.commit()
    run(gone)
    assert work.runs == []


def test_failing_job_is_retried_with_increasing_delays_and_then_fails(work, enqueue_work, run, db):
    def fail(**_args):
        raise OSError("the mail server is away")

    work.does = fail
    job = enqueue_work()
    for wait in RETRY_DELAYS:
        before = now()
        job = run(job)
        assert job.state == "queued"
        assert "the mail server is away" in job.error
        assert timedelta(0) <= job.run_after - before - timedelta(seconds=wait) < timedelta(seconds=5)
        assert run(job).state == "queued"  # not before its time
        job.run_after = now()
        db.session.commit()
    job = run(job)
    assert (job.state, job.attempts) == ("failed", len(RETRY_DELAYS) + 1)
    assert "the mail server is away" in job.error
    assert sum(RETRY_DELAYS) >= 4 * 3600


def test_permanent_error_is_not_retried(work, enqueue_work, run):
    def give_up(**_args):
        raise PermanentError("no such mailbox")

    work.does = give_up
    job = run(enqueue_work())
    assert (job.state, job.attempts, job.error) == ("failed", 1, "no such mailbox")


def test_changes_of_a_failed_attempt_are_rolled_back(work, enqueue_work, run, db):
    ana = a_user("ana")

    def fail_in_the_middle(**_args):
        with write_transaction():
            db.session.get(User, ana.id).about_me = "half"
            db.session.flush()
            raise OSError("in the middle")

    work.does = fail_in_the_middle
    assert run(enqueue_work()).state == "queued"
    assert ana.about_me == ""


def test_changes_outside_a_write_transaction_raise_an_error(work, enqueue_work, run, db):
    def careless(**_args):
        db.session.scalars(select(User)).one().about_me = "changed while reading"

    a_user("ana")
    work.does = careless
    job = run(enqueue_work())
    assert job.state == "queued"
    assert "outside a write transaction" in job.error
    assert db.session.scalar(select(User.about_me)) == ""


def task_notifications(browser):
    """What a poll tells of tasks."""
    return [one for one in browser.get("/notifications").get_json() if one["name"] == "task_progress"]


def test_progress_is_published_and_limited_to_0_to_100(work, enqueue_work, run, as_):
    ana = as_("ana")
    told = []

    def step(**_args):
        for percent in (-5, 10, 50, 130):
            report_progress(percent)
            (news,) = task_notifications(ana)
            told.append(news["data"])

    work.does = step
    job = run(enqueue_work(owner=ana.user))
    assert [one["progress"] for one in told] == [0, 10, 50, 100]
    assert {one["state"] for one in told} == {"running"}
    (last,) = task_notifications(ana)
    assert last["data"] == {"task_id": job.id, "progress": 100, "state": "done"}


def test_progress_does_not_decrease_in_a_later_attempt(work, enqueue_work, run, db):
    job = enqueue_work()
    job.progress = 60  # as the killed one left it
    db.session.commit()
    seen = []

    def step(**_args):
        for percent in (1, 59, 61):
            report_progress(percent)
            seen.append(db.session.scalar(select(Job.progress)))

    work.does = step
    assert run(job).state == "done"
    assert seen == [60, 60, 61]


def test_locked_database_at_the_end_does_not_repeat_the_work(work, enqueue_work, run, monkeypatch):
    """A mail that was sent would be sent once more."""
    change, failures = runner._change, [OperationalError("UPDATE job", {}, Exception("database is locked"))] * 2

    def busy(attempt, **values):
        if failures:
            raise failures.pop()
        change(attempt, **values)

    monkeypatch.setattr(runner, "_change", busy)
    monkeypatch.setattr(runner.time, "sleep", lambda _seconds: None)
    job = run(enqueue_work())
    assert (len(work.runs), job.state, job.attempts) == (1, "done", 1)


def test_two_tasks_of_one_member_are_two_notifications(work, enqueue_work, run, as_):
    ana = as_("ana")
    jobs = [enqueue_work(owner=ana.user), enqueue_work(owner=ana.user)]
    run(jobs[0])
    states = {one["data"]["task_id"]: one["data"]["state"] for one in task_notifications(ana)}
    assert states == {jobs[0].id: "done", jobs[1].id: "queued"}


def test_failed_task_is_published(work, enqueue_work, run, as_):
    ana = as_("ana")

    def give_up(**_args):
        raise PermanentError("no")

    work.does = give_up
    run(enqueue_work(owner=ana.user))
    (told,) = task_notifications(ana)
    assert told["data"]["state"] == "failed"


def test_job_functions_raise_outside_a_job(app):
    with app.app_context():
        with pytest.raises(LookupError):
            current_job_id()
        with pytest.raises(LookupError):
            report_progress(5)


def test_attempt_that_lost_its_lease_is_not_recorded(work, enqueue_work, run, db):
    """It was held for dead, and somebody else has the job now."""

    def overtaken(**_args):
        with write_transaction():
            db.session.get(Job, current_job_id()).run_token = "somebody else's"
        with pytest.raises(LeaseLost):
            report_progress(50)

    work.does = overtaken
    job = run(enqueue_work())
    assert (job.state, job.progress, job.run_token) == ("running", 0, "somebody else's")


def test_reading_job_holds_no_write_lock(work, enqueue_work, run, app, db):
    """A job that reads for long does not keep others from writing."""

    def read_and_let_write(**_args):
        db.session.scalars(select(User)).all()
        started = time.monotonic()

        def elsewhere():
            with app.app_context():
                a_user("ben")

        in_new_context(elsewhere)
        assert time.monotonic() - started < PATIENCE / 2  # who waits for the lock does so for longer

    work.does = read_and_let_write
    assert run(enqueue_work()).error == ""


def test_rq_worker_runs_the_job_from_the_queue(work, enqueue_work, app, db, valkey):
    job = enqueue_work(number=1)
    queue = Queue("default", connection=valkey.client, serializer=JSONSerializer)
    assert queue.job_ids == [job.id]

    def burst():
        with app.app_context():
            SimpleWorker([queue], connection=valkey.client, serializer=JSONSerializer).work(
                burst=True, logging_level="ERROR"
            )

    in_new_context(burst)
    assert work.runs == [{"number": 1}]
    assert db.session.get(Job, job.id).state == "done"
    assert queue.job_ids == []


def test_retry_continues_without_a_unique_key_taken_by_another_job(work, enqueue_work, run, db):
    def order_another_and_fail(**_args):
        with write_transaction():
            enqueue("test.work", unique_key="k")
        raise OSError("try me again")

    work.does = order_another_and_fail
    first = run(enqueue_work(unique_key="k"))
    assert (first.state, first.unique_key) == ("queued", None)
    waiting = db.session.scalars(select(Job).where(Job.unique_key == "k")).one()
    assert (waiting.state, waiting.attempts) == ("queued", 0)


def test_permanent_error_with_unsaved_changes_is_still_final(work, enqueue_work, run, db):
    def give_up(**_args):
        db.session.scalars(select(User)).one().about_me = "half"
        raise PermanentError("no")

    ana = a_user("ana")
    work.does = give_up
    job = run(enqueue_work())
    assert (job.state, job.error) == ("failed", "no")
    assert ana.about_me == ""
