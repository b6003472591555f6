"""Short jobs run one after the other in one process: what one of them leaves behind must not reach the next."""

from __future__ import annotations

import os
import signal
import socket
from contextvars import ContextVar
from pathlib import Path

import pytest
from flask import current_app
from flask_babel import force_locale, get_locale
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import text

from app.extensions import db as the_db
from app.jobs import child, enqueue, perform, runner
from app.jobs.registry import definitions, job
from app.models import Job, User
from tests.factories import a_user
from tests.support.client import in_new_context

mood: ContextVar[str] = ContextVar("mood", default="calm")


@pytest.fixture
def run_worker(app, db):
    """Let a worker do what is queued in Redis; gives back the worker."""

    def worked(queue="default"):
        db.session.commit()
        connection = Redis.from_url(app.config["REDIS_URL"])
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}

        def inside():
            with app.app_context():
                queues = [Queue(queue, connection=connection, serializer=JSONSerializer)]
                worker = child.RqWorker(queues, connection=connection, serializer=JSONSerializer)
                worker.work(burst=True, logging_level="ERROR")
                return worker

        try:
            return in_new_context(inside)
        finally:
            connection.close()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    return worked


def state_of_process():
    the_db.session.execute(text("SELECT 1"))
    return {
        "pid": os.getpid(),
        "locale": str(get_locale()),
        "mood": mood.get(),
        "timeout": socket.getdefaulttimeout(),
        "handlers": [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD)],
        "users": the_db.session.query(User).count(),
        "connections": the_db.engine.pool.checkedout(),
    }


def leave_state_behind():
    """Leave behind all that a job can: an open transaction in a context of its own, too."""
    current_app.app_context().push()
    force_locale("es").__enter__()
    mood.set("bad")
    socket.setdefaulttimeout(7)
    for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    the_db.session.add(a_user_row("half"))
    the_db.session.flush()
    raise OSError("in the middle")


def a_user_row(name):
    keys = {"username_key": name, "username_skeleton": name, "email_key": name}
    return User(username=name, email=name, password_hash="-", **keys)


def test_failed_job_leaves_no_state_for_the_next_job(app, db, work, run_worker):
    found = []
    work.does = lambda do, **_args: leave_state_behind() if do == "spoil" else found.append(state_of_process())
    jobs = [enqueue("test.work", do=do) for do in ("look", "spoil", "look")]
    a_user("ana")
    run_worker()
    assert [db.session.get(Job, one.id, populate_existing=True).state for one in jobs] == ["done", "queued", "done"]
    before, after = found
    assert after == before
    assert before["pid"] == os.getpid()  # no fork


def test_child_ends_if_a_job_leaks_a_connection(app, db, work, run_worker):
    kept = []
    work.does = lambda **_args: kept.append(the_db.engine.connect())
    first, second = enqueue("test.work", number=1), enqueue("test.work", number=2)
    run_worker()
    kept.pop().close()
    states = {one.id: db.session.get(Job, one.id, populate_existing=True).state for one in (first, second)}
    assert sorted(states.values()) == ["done", "queued"]


def test_a_long_job_runs_in_a_fork(app, db, run_worker, tmp_path):
    def note_pid(file):
        Path(file).write_text(str(os.getpid()))

    job("test.long", queue="slow")(note_pid)
    try:
        done = enqueue("test.long", file=str(tmp_path / "pid"))
        run_worker("slow")
    finally:
        del definitions["test.long"]
    assert db.session.get(Job, done.id, populate_existing=True).state == "done"
    assert (tmp_path / "pid").read_text() != str(os.getpid())


def test_job_is_not_timed_out_while_recording_its_result(app, db, work, monkeypatch):
    """The database was locked past the job's timeout: an email was sent, and must not be sent again."""

    def busy(attempt, **values):
        with child.TimeLimit(1, TimeoutError):
            signal.raise_signal(signal.SIGALRM)
        change(attempt, **values)

    change = runner._change
    monkeypatch.setattr(runner, "_change", busy)
    monkeypatch.setattr(child.TimeLimit, "struck", False)
    ordered = enqueue("test.work")
    db.session.commit()

    def inside():
        with app.app_context():
            perform(ordered.id)

    in_new_context(inside)
    assert db.session.get(Job, ordered.id, populate_existing=True).state == "done"
    assert not child.TimeLimit.struck


def test_child_ends_after_a_job_that_timed_out(app, db, work, run_worker, monkeypatch):
    monkeypatch.setattr(child.TimeLimit, "struck", False)
    work.does = lambda **_args: signal.raise_signal(signal.SIGALRM)
    first, second = enqueue("test.work", number=1), enqueue("test.work", number=2)
    run_worker()
    assert child.TimeLimit.struck
    states = [db.session.get(Job, one.id, populate_existing=True) for one in (first, second)]
    assert [one.attempts for one in states] == [1, 0]
    assert "exceeded maximum timeout" in states[0].error


def test_deadline_expires_only_while_a_job_runs():
    deadline = child.Deadline()
    assert not deadline.has_passed()
    deadline.set(-1)
    assert deadline.has_passed()
    deadline.clear()
    assert not deadline.has_passed()
