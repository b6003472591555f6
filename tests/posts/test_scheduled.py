"""Scheduled posts: published once at their time, unseen before, and kept with a reason if publishing is refused."""

from __future__ import annotations

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, update

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.jobs import enqueue, perform
from app.models import Activity, Job, Post, PostDraft, ScheduledPost, User
from app.posts import scheduling
from tests.factories import a_follow, a_user
from tests.posts.test_export import download
from tests.posts.test_timelines import posts_on
from tests.support.client import in_new_context
from tests.support.pictures import picture, post_pictures

HOUR = 3600
TEXT = "Later, lantern"
JOB = "posts.publish_scheduled"


def in_an_hour() -> str:
    return (now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")


def schedule(browser, at="", **form):
    return browser.post_form("/post", {"post": TEXT, "publish_at": at or in_an_hour(), "form_key": "a form", **form})


def the_row(db) -> ScheduledPost:
    return db.session.scalars(select(ScheduledPost)).one()


def is_due(db) -> str:
    """Let the time of the scheduled post come. Returns the id of its job."""
    moment = now() - timedelta(seconds=1)
    db.session.execute(update(ScheduledPost).values(publish_at=moment))
    db.session.execute(update(Job).where(Job.name == JOB).values(run_after=moment))
    db.session.commit()
    return db.session.scalars(select(Job.id).where(Job.name == JOB)).first()


def counts(db) -> tuple[int, int]:
    """How many posts there are, and how many scheduled ones."""
    db.session.rollback()
    return tuple(db.session.scalar(select(func.count(model.id))) for model in (Post, ScheduledPost))


def test_a_scheduled_post_is_published_at_its_time_with_all_it_has(as_, db, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ben.user, ana.user)
    ana.post_form("/post/draft", {"post": TEXT, "form_key": "a form"})
    for _ in range(2):  # a double click
        answer = schedule(ana, language="es", visibility="followers", warning="Lights")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/scheduled")
    assert not db.session.scalar(select(PostDraft.body).where(PostDraft.body != ""))
    run_jobs()
    assert counts(db) == (0, 1)
    page = ana.get("/scheduled").text
    assert TEXT in page and "Lights" in page
    is_due(db)
    before = now()
    run_jobs()
    assert counts(db) == (1, 0)
    post = db.session.scalars(select(Post)).one()
    assert (post.body, post.language, post.visibility, post.warning) == (TEXT, "es", "followers", "Lights")
    assert before <= post.created_at <= now()
    assert posts_on(ben.get("/").text) == [post.id]
    assert "Nothing scheduled" in ana.get("/scheduled").text
    assert db.session.scalars(select(Activity)).all() == []


def test_the_composer_offers_it_without_scripts(as_):
    page = as_("ana").get("/").text
    assert re.search(r'<input[^>]*name="publish_at"[^>]*type="datetime-local"', page)
    assert 'href="/scheduled"' in page and "your time zone" in page


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"publish_at": "soon"}, "Choose a date and a time."),
        ({"publish_at": "99999-01-01T10:00"}, "Choose a date and a time."),
        ({"publish_at": "2020-01-01T10:00"}, "Choose a time between 5 minutes and one year from now."),
        ({"publish_at": "2099-01-01T10:00"}, "Choose a time between 5 minutes and one year from now."),
        ({"visibility": "mentioned"}, "Mention at least one person"),
        ({"visibility": "nobody"}, "Choose from the list who can see this."),
        ({"language": "xx-none"}, "Choose a language from the list."),
        ({"post": TEXT * 100}, "This is too long."),
    ],
)
def test_a_refused_form_keeps_the_input(as_, db, form, error):
    ana = as_("ana")
    sent = {"at": in_an_hour(), **form}
    answer = schedule(ana, form.get("publish_at", ""), **{k: v for k, v in form.items() if k != "publish_at"})
    assert answer.status_code == 422
    assert error in answer.text and TEXT in answer.text
    assert f'value="{form.get("publish_at", sent["at"])}"' in answer.text
    assert counts(db) == (0, 0)


@pytest.mark.parametrize(
    ("zone", "local", "moment"),
    [
        ("", "2026-07-01T10:00", "2026-07-01T10:00"),
        ("Asia/Tokyo", "2026-07-01T10:00", "2026-07-01T01:00"),
        ("Europe/Madrid", "2027-03-28T02:30", "2027-03-28T01:30"),  # doesn't exist: 3:30 in summer time
        ("Europe/Madrid", "2026-10-25T02:30", "2026-10-25T00:30"),  # exists twice: the first
    ],
)
def test_the_time_is_read_in_the_authors_time_zone(db, zone, local, moment):
    ana = a_user("ana", timezone=zone)
    assert scheduling.moment_of(ana, local) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_text_and_time_can_be_changed_and_the_old_time_publishes_nothing(as_, db, run_jobs):
    ana = as_("ana")
    schedule(ana)
    address = f"/scheduled/{the_row(db).id}"
    at = the_row(db).publish_at.strftime("%Y-%m-%dT%H:%M")
    assert f'value="{at}"' in ana.get(address).text
    refused = ana.post_form(address, {"post": "Changed", "publish_at": "2020-01-01T00:00"})
    assert refused.status_code == 422 and "Changed" in refused.text
    later = (now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert ana.post_form(address, {"post": "Changed", "publish_at": later}).status_code == 303
    assert (the_row(db).body, the_row(db).publish_at.strftime("%Y-%m-%dT%H:%M")) == ("Changed", later)
    run_jobs(advance=HOUR + 60)
    assert counts(db) == (0, 1)
    is_due(db)
    run_jobs()
    assert counts(db) == (1, 0)


def test_post_now_and_delete(as_, db, run_jobs):
    ana = as_("ana")
    schedule(ana)
    address = f"/scheduled/{the_row(db).id}"
    assert ana.post_form(f"{address}/publish").headers["Location"].startswith("/post/")
    assert "isn&#39;t scheduled anymore" in ana.post_form(f"{address}/publish", follow_redirects=True).text
    schedule(ana, form_key="another")
    assert "Post deleted." in ana.post_form(f"/scheduled/{the_row(db).id}/delete", follow_redirects=True).text
    run_jobs(advance=2 * HOUR)
    assert counts(db) == (1, 0)


def test_only_its_author_sees_or_changes_a_scheduled_post(as_, client, db, run_jobs):
    ana, viewers = as_("ana"), [as_(a_user("mod", role="moderator")), as_("follower"), as_("mentioned")]
    a_follow(viewers[1].user, ana.user)
    schedule(ana, post=f"@mentioned #soon {TEXT}")
    address = f"/scheduled/{the_row(db).id}"
    for viewer in viewers:
        assert viewer.get(address).status_code == 404
        assert viewer.post_form(address, {"post": "Mine", "publish_at": in_an_hour()}).status_code == 404
        for what in ("publish", "delete"):
            assert viewer.post_form(f"{address}/{what}").status_code == 303
        viewer.post_form("/export_posts")
        run_jobs()
        lists = ("/", "/explore", "/user/ana", "/scheduled", "/search?q=lantern", "/tags/soon", "/activity", "/tasks")
        assert [path for path in lists if TEXT in viewer.get(path).text] == []
        assert viewer.get("/suggestions?in=tags&q=soon").get_json() in ([], {"tags": []})
    assert client.get(address).status_code == 302
    assert "<b>0</b> posts" in viewers[0].get("/user/ana").text
    assert (the_row(db).body, counts(db)) == (f"@mentioned #soon {TEXT}", (0, 1))


def test_the_author_is_told_if_publishing_is_refused_and_the_text_is_kept(as_, db, run_jobs, mails):
    ana, _ben = as_("ana"), a_user("ben")
    schedule(ana, post=f"@ben {TEXT}", visibility="mentioned")
    db.session.delete(db.session.merge(_ben))
    db.session.commit()
    is_due(db)
    run_jobs()
    run_jobs()
    assert counts(db) == (0, 1)
    page = ana.get("/scheduled").text
    assert TEXT in page and "Mention at least one person" in page
    activity = ana.get("/activity").text
    assert activity.count('data-kind="schedule_failed"') == 1
    assert "Mention at least one person" in activity and 'href="/scheduled"' in activity
    run_jobs(advance=60)
    assert "Your scheduled post wasn't published" in [mail.subject for mail in mails.to("ana@example.org")]
    # The text can be corrected and scheduled again.
    address = f"/scheduled/{the_row(db).id}"
    assert ana.post_form(address, {"post": TEXT, "publish_at": in_an_hour()}).status_code == 303
    is_due(db)
    run_jobs()
    assert counts(db) == (1, 0)


def test_nothing_is_published_for_a_suspended_author(as_, db, run_jobs):
    ana = as_("ana")
    schedule(ana)
    ana.user.active, ana.user.suspended_at = False, now()
    db.session.commit()
    is_due(db)
    run_jobs()
    assert counts(db) == (0, 1)
    ana.user.active, ana.user.suspended_at = True, None
    db.session.commit()
    run_jobs()
    assert counts(db) == (0, 1)
    assert "suspended or closed" in ana.get("/scheduled").text


def test_a_member_has_a_limited_number(as_, db, monkeypatch):
    monkeypatch.setattr(scheduling, "MAX_SCHEDULED", 1)
    ana = as_("ana")
    schedule(ana)
    answer = schedule(ana, form_key="another")
    assert answer.status_code == 422 and "You can schedule up to 1 post. Delete another one first." in answer.text
    assert counts(db) == (0, 1)


def test_export_and_deletion_of_the_account(as_, db, run_jobs):
    ana = as_("ana")
    schedule(ana)
    ana.post_form("/export_posts")
    run_jobs()
    (exported,) = download(ana, db)["scheduled_posts"]
    assert exported["body"] == TEXT
    assert datetime.fromisoformat(exported["publish_at"]) == the_row(db).publish_at
    db.session.delete(ana.user)
    db.session.commit()
    assert counts(db) == (0, 0)
    run_jobs(advance=2 * HOUR)
    assert counts(db) == (0, 0)


def test_people_whom_a_scheduled_post_mentions_are_told_once(as_, db, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    schedule(ana, post=f"@ben {TEXT}")
    is_due(db)
    run_jobs()
    assert counts(db) == (1, 0)
    enqueue("posts.publish_overdue")
    enqueue(JOB, scheduled_id=1)
    db.session.commit()
    run_jobs()
    assert counts(db) == (1, 0)
    told = db.session.execute(select(Activity.user_id, Activity.kind)).all()
    assert told == [(ben.user.id, "mention")]


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_refused_post_tells_only_its_author_in_their_language(as_, db, run_jobs, monkeypatch, at):
    """The refusal comes before or after the people whom the post mentions are told."""
    ana, _ben = as_(a_user("ana", language="es")), a_user("ben")
    schedule(ana, post=f"@ben {TEXT}")
    publish = scheduling.actions.publish

    def refuse(*args):
        if at == "after":
            publish(*args)
        raise ActionError(_l("Choose a language from the list."))

    monkeypatch.setattr(scheduling.actions, "publish", refuse)
    is_due(db)
    run_jobs()
    assert counts(db) == (0, 1)
    reason = "Elige un idioma de la lista."
    assert (the_row(db).refusal, the_row(db).body) == (reason, f"@ben {TEXT}")
    event = db.session.scalars(select(Activity)).one()
    assert (event.user_id, event.kind) == (ana.user.id, "schedule_failed")
    assert event.args["words"] == reason


@pytest.mark.parametrize("meanwhile", ["publish", "delete", "later", "account"])
def test_a_refusal_is_dropped_if_the_post_was_settled_meanwhile(as_, db, run_jobs, monkeypatch, meanwhile):
    """Another request comes between the refused transaction and the one that records the refusal."""
    schedule(as_("ana"), post=f"@ben {TEXT}")
    refuse_due, publish_due = scheduling.refuse_due, scheduling.publish_due

    def refused(scheduled_id):
        publish_due(scheduled_id)
        raise ActionError("No.")

    def other_request(scheduled_id, refusal):
        row = the_row(db)
        ana = db.session.get_one(User, row.author_id)
        if meanwhile == "publish":
            scheduling.publish_now(ana, row.id)
        elif meanwhile == "delete":
            scheduling.delete(ana, row.id)
        elif meanwhile == "later":
            row.publish_at = now() + timedelta(hours=1)
        else:
            db.session.delete(ana)
        db.session.flush()
        refuse_due(scheduled_id, refusal)

    monkeypatch.setattr(scheduling, "publish_due", refused)
    monkeypatch.setattr(scheduling, "refuse_due", other_request)
    is_due(db)
    run_jobs()
    assert counts(db) == {"publish": (1, 0), "later": (0, 1)}.get(meanwhile, (0, 0))
    assert db.session.scalars(select(Activity)).all() == []
    assert db.session.scalars(select(ScheduledPost.refusal)).all() in ([], [""])


@pytest.mark.parametrize("other", ["publish", "delete"])
def test_the_job_and_another_request_at_the_same_time_have_one_winner(app, as_, db, other):
    ana = as_("ana")
    browsers = [as_(ana.user) for _ in range(3)]
    schedule(ana)
    address, job = f"/scheduled/{the_row(db).id}/{other}", is_due(db)
    db.session.rollback()
    gate = Barrier(4)

    def click(browser) -> str:
        gate.wait()
        return browser.post_form(address).headers["Location"]

    def work() -> str:
        gate.wait()
        with app.app_context():
            perform(job)
        return ""

    with ThreadPoolExecutor(4) as pool:
        working = pool.submit(in_new_context, work)
        answers = list(pool.map(click, browsers))
        working.result()
    posts, waiting = counts(db)
    assert waiting == 0
    assert posts == 1 if other == "publish" else posts <= 1
    assert sum(answer.startswith("/post/") for answer in answers) <= 1


def test_a_worker_killed_before_its_commit_publishes_nothing_and_the_next_one_once(app, as_, db, run_jobs):
    """The child is killed when it has written the post but has not committed."""
    schedule(as_("ana"))
    job = is_due(db)
    db.session.rollback()
    db.session.remove()
    pid = os.fork()
    if pid == 0:
        app_db = app.extensions["sqlalchemy"]
        with app.app_context():
            app_db.engine.dispose(close=False)
            scheduling._publish = lambda author, row: (
                scheduling.actions.publish(author, row.body),
                os.kill(os.getpid(), signal.SIGKILL),
            )
            perform(job)
        os._exit(0)
    _pid, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert counts(db) == (0, 1)
    db.session.execute(update(Job).where(Job.id == job).values(state="queued", run_token=None))
    db.session.commit()
    run_jobs()
    enqueue(JOB, scheduled_id=1)
    db.session.commit()
    run_jobs()
    assert counts(db) == (1, 0)


def test_a_post_whose_job_was_lost_is_found(as_, db, run_jobs):
    schedule(as_("ana"))
    db.session.execute(update(ScheduledPost).values(publish_at=now() - timedelta(minutes=5)))
    db.session.execute(Job.__table__.delete().where(Job.name == JOB))
    db.session.commit()
    for _ in range(2):
        enqueue("posts.publish_overdue")
        db.session.commit()
        run_jobs()
    assert counts(db) == (1, 0)


def test_a_job_that_gave_up_is_not_enqueued_again_and_the_author_is_told(as_, db, run_jobs, monkeypatch):
    ana = as_("ana")
    schedule(ana)
    schedule(ana, form_key="another")

    def broken(*_args):
        raise RuntimeError("a bug")

    monkeypatch.setattr(scheduling.actions, "publish", broken)
    first, second = db.session.scalars(select(ScheduledPost).order_by(ScheduledPost.id)).all()
    jobs = db.session.scalars(select(Job).where(Job.name == JOB)).all()
    moment = now() - timedelta(minutes=5)
    first.publish_at = second.publish_at = moment
    by_post = {job.args["scheduled_id"]: job for job in jobs}
    for identity, job in by_post.items():
        job.unique_key = f"{JOB}:{identity}:{moment.timestamp()}"
    # One has failed for good, and the other waits for its next attempt.
    by_post[first.id].state, by_post[first.id].queued_at = "failed", moment + timedelta(minutes=1)
    by_post[second.id].attempts, by_post[second.id].run_after = 1, now() + timedelta(hours=1)
    db.session.commit()
    for _ in range(2):
        enqueue("posts.publish_overdue")
        db.session.commit()
        run_jobs()
    refusals = db.session.scalars(select(ScheduledPost.refusal).order_by(ScheduledPost.id)).all()
    assert refusals == ["Something went wrong, even after retrying. You can try again.", ""]
    assert db.session.scalar(select(func.count(Job.id)).where(Job.name == JOB)) == 2
    page = ana.get("/scheduled").text
    assert page.count(TEXT) == 2 and "even after retrying" in page
    assert db.session.scalars(select(Activity.kind)).all() == ["schedule_failed"]


def test_a_job_that_gave_up_at_an_old_time_says_nothing_about_the_new_one(as_, db, run_jobs):
    schedule(as_("ana"))
    row, job = the_row(db), db.session.scalars(select(Job).where(Job.name == JOB)).one()
    row.publish_at = now() - timedelta(minutes=5)
    job.state, job.queued_at = "failed", now() - timedelta(minutes=10)
    db.session.commit()
    enqueue("posts.publish_overdue")
    db.session.commit()
    run_jobs()
    assert counts(db) == (1, 0)


def test_images_are_refused_and_not_dropped(as_, db):
    ana = as_("ana")
    answer = post_pictures(ana, [picture()], post=TEXT, publish_at=in_an_hour(), form_key="a form")
    assert answer.status_code == 422 and "Only text can be scheduled." in answer.text
    assert counts(db) == (0, 0)
