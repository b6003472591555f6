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
from tests.support.client import through_a_door


@pytest.fixture
def order(db):
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

        through_a_door(inside)
        return db.session.get(Job, job.id, populate_existing=True)

    return performed


def test_a_job_that_ends_is_done(work, order, run):
    work.does = lambda **_args: {"rows": 3}
    job = run(order(number=7))
    assert work.runs == [{"number": 7}]
    assert (job.state, job.progress, job.attempts, job.error) == ("done", 100, 1, "")
    assert job.result == {"rows": 3}
    assert job.finished_at is not None


def test_a_job_pushed_twice_acts_once(work, order, run):
    job = order()
    run(job)
    run(job)
    assert len(work.runs) == 1


def test_a_job_that_is_not_due_or_gone_does_nothing(db, work, order, run):
    late = order(delay=60)
    run(late)
    assert work.runs == []
    gone = order()
    db.session.delete(gone)
    db.session.commit()
    run(gone)
    assert work.runs == []


def test_a_failure_climbs_the_ladder_and_then_stays_visible(work, order, run, db):
    def fail(**_args):
        raise OSError("the mail server is away")

    work.does = fail
    job = order()
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


def test_give_up_is_final(work, order, run):
    def give_up(**_args):
        raise PermanentError("no such mailbox")

    work.does = give_up
    job = run(order())
    assert (job.state, job.attempts, job.error) == ("failed", 1, "no such mailbox")


def test_what_a_failed_attempt_left_open_is_rolled_back(work, order, run, db):
    ana = a_user("ana")

    def fail_in_the_middle(**_args):
        with write_transaction():
            db.session.get(User, ana.id).about_me = "half"
            db.session.flush()
            raise OSError("in the middle")

    work.does = fail_in_the_middle
    assert run(order()).state == "queued"
    assert ana.about_me == ""


def test_a_job_that_changes_things_outside_a_write_fails_loudly(work, order, run, db):
    def careless(**_args):
        db.session.scalars(select(User)).one().about_me = "changed while reading"

    a_user("ana")
    work.does = careless
    job = run(order())
    assert job.state == "queued"
    assert "outside a write transaction" in job.error
    assert db.session.scalar(select(User.about_me)) == ""


def task_news(browser):
    """What a poll tells of tasks."""
    return [one for one in browser.get("/notifications").get_json() if one["name"] == "task_progress"]


def test_progress_is_told_and_stays_between_0_and_100(work, order, run, as_):
    ana = as_("ana")
    told = []

    def step(**_args):
        for percent in (-5, 10, 50, 130):
            report_progress(percent)
            (news,) = task_news(ana)
            told.append(news["data"])

    work.does = step
    job = run(order(owner=ana.user))
    assert [one["progress"] for one in told] == [0, 10, 50, 100]
    assert {one["state"] for one in told} == {"running"}
    (last,) = task_news(ana)
    assert last["data"] == {"task_id": job.id, "progress": 100, "state": "done"}


def test_progress_does_not_fall_when_a_killed_attempt_is_followed_by_another(work, order, run, db):
    job = order()
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


def test_a_busy_database_at_the_end_does_not_make_the_work_be_done_again(work, order, run, monkeypatch):
    """A mail that was sent would be sent once more."""
    change, failures = runner._change, [OperationalError("UPDATE job", {}, Exception("database is locked"))] * 2

    def busy(attempt, **values):
        if failures:
            raise failures.pop()
        change(attempt, **values)

    monkeypatch.setattr(runner, "_change", busy)
    monkeypatch.setattr(runner.time, "sleep", lambda _seconds: None)
    job = run(order())
    assert (len(work.runs), job.state, job.attempts) == (1, "done", 1)


def test_two_tasks_of_one_person_are_two_notifications(work, order, run, as_):
    ana = as_("ana")
    jobs = [order(owner=ana.user), order(owner=ana.user)]
    run(jobs[0])
    states = {one["data"]["task_id"]: one["data"]["state"] for one in task_news(ana)}
    assert states == {jobs[0].id: "done", jobs[1].id: "queued"}


def test_a_failure_is_told(work, order, run, as_):
    ana = as_("ana")

    def give_up(**_args):
        raise PermanentError("no")

    work.does = give_up
    run(order(owner=ana.user))
    (told,) = task_news(ana)
    assert told["data"]["state"] == "failed"


def test_outside_a_job_there_is_no_job(app):
    with app.app_context():
        with pytest.raises(LookupError):
            current_job_id()
        with pytest.raises(LookupError):
            report_progress(5)


def test_an_attempt_that_was_taken_over_is_not_recorded(work, order, run, db):
    """It was held for dead, and somebody else has the job now."""

    def overtaken(**_args):
        with write_transaction():
            db.session.get(Job, current_job_id()).run_token = "somebody else's"
        with pytest.raises(LeaseLost):
            report_progress(50)

    work.does = overtaken
    job = run(order())
    assert (job.state, job.progress, job.run_token) == ("running", 0, "somebody else's")


def test_the_session_of_the_work_holds_no_lock(work, order, run, app, db):
    """A job that reads for long does not keep others from writing."""

    def read_and_let_write(**_args):
        db.session.scalars(select(User)).all()
        started = time.monotonic()

        def elsewhere():
            with app.app_context():
                a_user("ben")

        through_a_door(elsewhere)
        assert time.monotonic() - started < 1

    work.does = read_and_let_write
    assert run(order()).error == ""


def test_rq_runs_it_from_the_queue(work, order, app, db, valkey):
    job = order(number=1)
    queue = Queue("default", connection=valkey.client, serializer=JSONSerializer)
    assert queue.job_ids == [job.id]

    def burst():
        with app.app_context():
            SimpleWorker([queue], connection=valkey.client, serializer=JSONSerializer).work(
                burst=True, logging_level="ERROR"
            )

    through_a_door(burst)
    assert work.runs == [{"number": 1}]
    assert db.session.get(Job, job.id).state == "done"
    assert queue.job_ids == []


def test_a_retry_whose_key_was_taken_meanwhile_goes_on_without_it(work, order, run, db):
    def order_another_and_fail(**_args):
        with write_transaction():
            enqueue("test.work", unique_key="k")
        raise OSError("try me again")

    work.does = order_another_and_fail
    first = run(order(unique_key="k"))
    assert (first.state, first.unique_key) == ("queued", None)
    waiting = db.session.scalars(select(Job).where(Job.unique_key == "k")).one()
    assert (waiting.state, waiting.attempts) == ("queued", 0)


def test_giving_up_with_changes_in_hand_is_still_final(work, order, run, db):
    def give_up(**_args):
        db.session.scalars(select(User)).one().about_me = "half"
        raise PermanentError("no")

    ana = a_user("ana")
    work.does = give_up
    job = run(order())
    assert (job.state, job.error) == ("failed", "no")
    assert ana.about_me == ""
