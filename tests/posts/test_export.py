"""The export of one's posts: any number of them, once, for their owner only."""

from __future__ import annotations

import json
import os
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.core.exports import exports
from app.core.time import now
from app.jobs import enqueue, runner
from app.models import Job, Notification, Post, User
from app.posts import export
from tests.factories import a_post, a_user


@pytest.fixture
def store(app):
    for path in files(app):
        path.unlink()
    return app


def files(app) -> list[Path]:
    with app.app_context():
        return [path for path in exports().root.glob("*/*") if path.is_file()]


def many_posts(db, author: User, number: int) -> None:
    row = {"author_id": author.id, "body": "Hello, world " * 5, "search_text": "x", "language": "en"}
    for _ in range(number // 1_000):
        db.session.execute(insert(Post), [row] * 1_000)
    db.session.commit()


def the_export(db) -> Job:
    return db.session.scalars(select(Job).where(Job.name == "posts.export")).one()


def download(browser, db) -> Any:
    with browser.get(f"/tasks/{the_export(db).id}/download") as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert "no-store" in answer.headers["Cache-Control"]
        return json.loads(answer.data)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_posts_are_exported_and_downloaded(store, as_, db, run_jobs, mails, number):
    browser = as_("ana")
    chosen = {"language": "es", "visibility": "followers", "warning": "Numbers"}
    posts = [a_post(browser.user, f'No. {n}: "ñ" 你好 👩‍👩‍👧‍👦\n</b>', **chosen) for n in range(number)]
    a_post(a_user("ben"), "not ana's")
    answer = browser.post_form("/export_posts")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tasks")
    run_jobs()
    content = download(browser, db)
    assert content["username"] == "ana"
    assert content["posts"] == [
        {"id": post.id, "body": post.body, **chosen, "created_at": post.created_at.isoformat()} for post in posts
    ]
    assert len(mails) == 0  # who watches the page of tasks needs no mail
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.envelope_to == ["ana@example.org"]
    assert mail.subject == "Your export is ready"
    expires_at = datetime.fromisoformat(the_export(db).result["expires_at"])
    for words in (mail.text, mail.html):
        assert "http://microblog.test/tasks" in words
        assert f"{expires_at:%B} {expires_at.day}, {expires_at.year}" in words
        assert {0: "0 posts", 1: "contains your post", 3: "3 posts"}[number] in words


def test_export_has_the_ids_of_answered_and_quoted_posts(store, as_, db, run_jobs):
    browser = as_("ana")
    post_id = a_post(a_user("ben"), "not ana's").id
    for path in ("quote", "reply"):
        assert browser.post_form(f"/post/{post_id}/{path}", {"post": "Mine"}).status_code == 303
    browser.post_form("/export_posts")
    run_jobs()
    content = download(browser, db)
    assert [(row.get("quote_of"), row.get("reply_to")) for row in content["posts"]] == [
        (post_id, None),
        (None, post_id),
    ]
    assert "not ana's" not in json.dumps(content)


@pytest.mark.slow
def test_long_export_uses_little_memory_and_its_progress_only_increases(store, as_, db, run_jobs, monkeypatch):
    monkeypatch.setattr(export, "REPORT_EVERY", 0.0)
    browser = as_("ana")
    many_posts(db, browser.user, 20_000)
    seen = []

    def report(percent: int) -> None:
        seen.append(percent)
        runner.report_progress(percent)

    monkeypatch.setattr("app.posts.jobs.report_progress", report)
    browser.post_form("/export_posts")
    tracemalloc.start()
    run_jobs()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000, f"{peak:,} bytes"  # 20,000 posts in memory would be 30 MB
    assert len(seen) > 10
    assert seen == sorted(set(seen))
    assert 0 < seen[0] < seen[-1] < 100
    assert len(download(browser, db)["posts"]) == 20_000


def test_progress_is_reported_twice_a_second():
    told: list[int] = []
    progress = export.Progress(100_000, told.append)
    for done in range(0, 100_001, 1_000):
        progress.reached(done)
    assert told == []  # all that in less than half a second
    progress._told_at -= 1
    progress.reached(100_000)
    assert told == [99]
    progress._told_at -= 1
    progress.reached(50_000)
    assert told == [99]


def test_export_progress_is_published_to_its_owner(store, as_, db, run_jobs):
    browser = as_("ana")
    browser.post_form("/export_posts")
    run_jobs()
    told = db.session.scalars(select(Notification).where(Notification.name == "task_progress")).one()
    assert told.data == {"task_id": the_export(db).id, "progress": 100, "state": "done"}


def test_only_one_export_runs_per_member(store, as_, db, run_jobs):
    browser = as_("ana")
    for _ in range(3):
        assert browser.post_form("/export_posts").status_code == 303
    job = the_export(db)
    job.state = "running"
    db.session.commit()
    browser.post_form("/export_posts")
    as_("ben").post_form("/export_posts")
    owners = list(db.session.scalars(select(Job.owner_id).where(Job.name == "posts.export")))
    assert len(owners) == len(set(owners)) == 2
    job = db.session.scalars(select(Job).where(Job.owner_id == browser.user.id)).one()
    job.state = "done"
    db.session.commit()
    browser.post_form("/export_posts")
    assert len(db.session.scalars(select(Job).where(Job.owner_id == browser.user.id)).all()) == 2


def test_only_the_owner_can_download_an_export(store, as_, client, db, run_jobs):
    browser = as_("ana")
    browser.post_form("/export_posts")
    path = f"/tasks/{the_export(db).id}/download"
    assert browser.get(path).status_code == 404  # not ready
    run_jobs()
    with browser.get(path) as answer:
        assert answer.status_code == 200
    assert as_("ben").get(path).status_code == 404
    answer = client.get(path)
    assert answer.status_code == 302
    assert "/auth/login" in answer.headers["Location"]


def test_expired_export_is_deleted(store, as_, db, run_jobs):
    browser = as_("ana")
    browser.post_form("/export_posts")
    run_jobs()
    (path,) = files(store)
    enqueue("posts.remove_old_exports")
    run_jobs()
    assert files(store) == [path]
    job = the_export(db)
    job.result = {**job.result, "expires_at": (now() - timedelta(seconds=1)).isoformat()}
    db.session.commit()
    assert browser.get(f"/tasks/{job.id}/download").status_code == 404
    assert "/download" not in browser.get("/tasks").text
    week_ago = now().timestamp() - 8 * 86_400
    os.utime(path, (week_ago, week_ago))
    stray = path.with_name(path.name + ".part")
    stray.write_text("half")
    os.utime(stray, (week_ago, week_ago))
    enqueue("posts.remove_old_exports")
    run_jobs()
    assert files(store) == []


def test_missing_export_file_is_not_found(store, as_, db, run_jobs):
    browser = as_("ana")
    browser.post_form("/export_posts")
    run_jobs()
    files(store)[0].unlink()
    assert browser.get(f"/tasks/{the_export(db).id}/download").status_code == 404


def test_failed_export_leaves_no_file_and_the_next_run_sends_one_email(store, as_, db, run_jobs, mails, monkeypatch):
    browser = as_("ana")
    a_post(browser.user)
    browser.post_form("/export_posts")
    with monkeypatch.context() as broken:
        broken.setattr("app.core.exports.to_json", lambda value: 1 / 0)
        run_jobs(may_fail=True)
    assert files(store) == []
    assert len(mails) == 0
    run_jobs(advance=60)
    run_jobs(advance=60)
    assert len(mails) == 1
    assert len(download(browser, db)["posts"]) == 1


def test_export_result_and_its_email_job_are_saved_in_one_transaction(store, as_, db, run_jobs, mails, monkeypatch):
    """If the mail cannot be ordered, the export is not done either, and is tried again."""
    browser = as_("ana")
    browser.post_form("/export_posts")

    def broken(*_args: Any, **_values: Any) -> None:
        raise RuntimeError("the mail could not be ordered")

    with monkeypatch.context() as patched:
        patched.setattr("app.notifications.scheduling.enqueue_once", broken)
        run_jobs(may_fail=True)
    assert the_export(db).state == "queued"
    run_jobs(advance=60)
    assert the_export(db).state == "done"
    run_jobs(advance=60)
    assert len(mails) == 1


def test_email_about_an_expired_export_offers_no_download(store, as_, db, run_jobs, mails):
    """The mail may have waited longer than the file: it tells what happened, and no date that is over."""
    browser = as_("ana")
    browser.post_form("/export_posts")
    run_jobs()
    job = the_export(db)
    job.result = {**job.result, "expires_at": (now() - timedelta(seconds=1)).isoformat()}
    db.session.commit()
    run_jobs(advance=60)
    assert "download" not in mails[0].text + mails[0].html


def test_exports_are_rate_limited(store, as_, rate_limits):
    browser = as_("ana")
    codes = [browser.post_form("/export_posts").status_code for _ in range(6)]
    assert codes == [303] * 5 + [429]
