"""My tasks: what is shown, to whom, and trying again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.core.time import now
from app.jobs import retry
from app.jobs.broker import say_worker_is_alive
from app.models import Job
from tests.factories import a_user

NO_WORKER = "Tasks are on hold"


def a_job(db, owner, **values) -> Job:
    job = Job(name="posts.export", args={"owner_id": owner.id}, queue="slow", owner_id=owner.id, **values)
    db.session.add(job)
    db.session.commit()
    return job


def test_every_task_state_is_shown_in_words(as_, db):
    browser = as_(a_user("ana", language="en"))
    a_job(db, browser.user)
    a_job(db, browser.user, state="running", progress=40)
    a_job(db, browser.user, state="done", progress=100)
    a_job(db, browser.user, state="failed", error="ZeroDivisionError: division by zero", attempts=13)
    page = browser.get("/tasks").text
    states = ("Waiting", "Running: 40%", "Done", "Failed", "Try again", "Something went")
    for words in ("Export of your posts and messages", *states):
        assert words in page
    assert "ZeroDivisionError" not in page
    assert page.count("data-task-id=") == 4


def test_only_own_tasks_are_shown(as_, db):
    ana, ben = a_user("ana"), as_("ben")
    mine = a_job(db, ben.user)
    theirs = a_job(db, ana, state="failed")
    nobodys = Job(name="posts.remove_old_exports", args={}, queue="default")
    db.session.add(nobodys)
    db.session.commit()
    page = ben.get("/tasks").text
    assert mine.id in page
    assert theirs.id not in page
    assert nobodys.id not in page
    for path in (
        f"/tasks/{theirs.id}/retry",
        f"/tasks/{nobodys.id}/retry",
        "/tasks/nonsense/retry",
        "/tasks/%00/retry",
    ):
        assert ben.post_form(path).status_code == 404
    assert theirs.state == "failed"


def test_tasks_page_takes_two_statements(as_, db, queries):
    browser = as_("ana")
    for _ in range(20):
        a_job(db, browser.user, state="done", result={"file": "x", "posts": 1, "expires_at": now().isoformat()})
    browser.get("/tasks")
    with queries() as asked:
        browser.get("/tasks")
    assert len(asked) == 2, asked


def test_missing_worker_is_reported(app, as_, db):
    browser = as_("ana")
    assert NO_WORKER not in browser.get("/tasks").text  # nothing waits
    a_job(db, browser.user, state="done")
    assert NO_WORKER not in browser.get("/tasks").text
    a_job(db, browser.user)
    assert NO_WORKER in browser.get("/tasks").text
    say_worker_is_alive()
    assert NO_WORKER not in browser.get("/tasks").text


def test_redis_outage_is_not_reported_as_a_missing_worker(as_, db, valkey):
    browser = as_("ana")
    a_job(db, browser.user)
    valkey.stop()
    page = browser.get("/tasks")
    assert page.status_code == 200
    assert NO_WORKER not in page.text


def test_failed_task_can_be_retried(as_, db, run_jobs):
    browser = as_("ana")
    job = a_job(
        db,
        browser.user,
        state="failed",
        progress=70,
        attempts=13,
        crashes=5,
        error="oh",
        finished_at=now(),
        run_token="x",
    )
    answer = browser.submit("/tasks", action=f"/tasks/{job.id}/retry")
    assert answer.status_code == 303
    assert (job.state, job.progress, job.attempts, job.crashes, job.error) == ("queued", 0, 0, 0, "")
    assert job.finished_at is None
    run_jobs()
    assert job.state == "done"
    assert job.attempts == 1


def test_retry_enqueues_the_job_after_the_commit(app, db, valkey):
    job = a_job(db, a_user("ana"), state="failed")
    retry(job)
    assert valkey.client.llen("rq:queue:slow") == 0
    db.session.commit()
    assert valkey.client.llen("rq:queue:slow") == 1
    with pytest.raises(LookupError):
        retry(job)


@pytest.mark.parametrize("state", ["queued", "running", "done"])
def test_only_failed_tasks_can_be_retried(as_, db, state):
    browser = as_("ana")
    job = a_job(db, browser.user, state=state, queued_at=now() - timedelta(hours=1))
    assert browser.post_form(f"/tasks/{job.id}/retry").status_code == 303
    assert job.state == state
    assert job.queued_at < now() - timedelta(minutes=59)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_failed_task_cannot_be_retried_next_to_a_newer_one(as_, db, state):
    browser = as_("ana")
    failed = a_job(db, browser.user, state="failed", unique_key="posts.export:7")
    a_job(db, browser.user, state=state, unique_key="posts.export:7")
    assert browser.post_form(f"/tasks/{failed.id}/retry").status_code == 303
    assert failed.state == "failed"


def test_tasks_require_login(client):
    for path in ("/tasks", "/tasks/1/download"):
        assert client.get(path).status_code == 302
    assert client.post("/tasks/1/retry").status_code in {302, 400}
