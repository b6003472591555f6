"""The bar "3 new posts": who is told that their timeline has grown, and what the page then asks."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, insert, select, update

from app.models import Follow, Job, LoginSession, Notification, Post, User
from app.notifications import poll_cache, presence
from app.posts import jobs
from app.posts.queries import MAX_NEW_POSTS
from tests.factories import a_follow, a_post, a_user


def poll_as_page(browser) -> float:
    """Poll as a page that is open does; what a client then remembers."""
    told = browser.get("/notifications").get_json()
    return max((one["timestamp"] for one in told), default=0.0)


def timeline_states(browser, since: float = 0) -> list[int]:
    """The newest post of the timeline, each time it is told."""
    told = browser.get(f"/notifications?since={since}").get_json()
    return [one["data"]["newest_post_id"] for one in told if one["name"] == "timeline"]


def publish(browser, body: str = "Hello") -> None:
    """Through the form's door."""
    assert browser.post_form("/post", {"post": body, "form_key": body}).status_code == 303


def newest_post(db) -> int:
    return db.session.scalar(select(Post.id).order_by(Post.id.desc()).limit(1))


def count_new_posts(browser, after: int) -> dict[str, object]:
    return browser.get(f"/timeline/news?after={after}").get_json()


@pytest.fixture
def ana(as_):
    """Who writes."""
    return as_("ana")


@pytest.fixture
def ben(as_, ana):
    """Who follows ana."""
    browser = as_("ben")
    a_follow(browser.user, ana.user)
    return browser


def test_only_active_followers_are_notified_of_a_post(ana, ben, as_, db, run_jobs):
    asleep, stranger = as_("asleep"), as_("stranger")
    a_follow(asleep.user, ana.user)
    since = poll_as_page(ben)
    poll_as_page(stranger)
    publish(ana)
    run_jobs()
    assert timeline_states(ben, since) == [newest_post(db)]
    assert set(db.session.scalars(select(Notification.user_id).where(Notification.name == "timeline"))) == {ben.user.id}
    assert timeline_states(asleep) == timeline_states(stranger) == []


def test_new_post_ends_the_idle_poll_of_a_follower(ana, ben, run_jobs, queries):
    since = poll_as_page(ben)
    with queries() as asked:
        ben.get(f"/notifications?since={since}")
    assert len(asked) == 0
    publish(ana)
    run_jobs()
    assert len(timeline_states(ben, since)) == 1


def test_other_pages_of_the_author_are_notified(ana, db, run_jobs):
    poll_as_page(ana)
    publish(ana)
    run_jobs()
    assert timeline_states(ana) == [newest_post(db)]


def test_several_posts_are_announced_by_one_job(ana, ben, db, run_jobs):
    poll_as_page(ben)
    for body in ("one", "two", "three"):
        publish(ana, body)
    assert [job.name for job in run_jobs()] == ["posts.tell_followers"]
    assert timeline_states(ben) == [newest_post(db)]


def test_form_sent_twice_enqueues_no_second_job(ana, ben, db, run_jobs):
    publish(ana)
    run_jobs()
    publish(ana)
    assert db.session.scalars(select(Job).where(Job.state == "queued")).all() == []


def test_newest_post_id_never_decreases(ana, ben, as_, db, run_jobs):
    """Eva publishes after Ana, and her job runs first."""
    eva = as_("eva")
    a_follow(ben.user, eva.user)
    poll_as_page(ben)
    publish(ana, "first")
    db.session.execute(update(Job).values(state="failed"))
    publish(eva, "second")
    run_jobs()
    db.session.execute(update(Job).where(Job.state == "failed").values(state="queued"))
    run_jobs()
    assert timeline_states(ben) == [newest_post(db)]


def test_many_followers_are_notified_in_short_transactions(ana, db, run_jobs, monkeypatch, valkey):
    monkeypatch.setattr(jobs, "PRESENCE_BATCH", 7)
    monkeypatch.setattr(jobs, "NOTIFY_BATCH", 3)
    people = [a_user() for _ in range(20)]
    db.session.execute(insert(Follow), [{"follower_id": person.id, "followed_id": ana.user.id} for person in people])
    for person in people:
        valkey.client.set(presence.key(person.id), "1")
    publish(ana)
    with clocks_by_transaction() as taken:
        run_jobs()
    told = db.session.scalars(select(Notification.user_id).where(Notification.name == "timeline")).all()
    assert sorted(told) == sorted(person.id for person in people)
    assert sorted(taken) == [1] * 2 + [3] * 6  # 20 people by 7, 7 and 6, each of these by 3


@contextmanager
def clocks_by_transaction():
    """How many clocks each transaction of the block moves."""
    taken, current = [], []

    def executed(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("INSERT INTO notification_clock"):
            current.extend([statement] * (len(parameters) // 2))  # of each clock the user and the value

    def committed(_connection):
        if current:
            taken.append(len(current))
            current.clear()

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    try:
        yield taken
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
        event.remove(Engine, "commit", committed)


@pytest.mark.parametrize("outage", ["gone", "paused"])
def test_without_redis_no_follower_is_notified_but_the_page_shows_the_post(ana, ben, db, run_jobs, valkey, outage):
    poll_as_page(ben)
    publish(ana)
    if outage == "gone":
        valkey.stop()
    else:
        valkey.signal(signal.SIGSTOP)
    run_jobs()
    assert db.session.scalars(select(Notification).where(Notification.name == "timeline")).all() == []
    assert f'id="post-{newest_post(db)}"' in ben.get("/").text


def test_presence_lasts_longer_than_a_cached_idle_answer(ben, valkey):
    since = poll_as_page(ben)
    assert valkey.client.ttl(presence.key(ben.user.id)) > valkey.client.ttl(poll_cache.key(ben.user.id)) + 60
    valkey.client.expire(presence.key(ben.user.id), 5)
    ben.get(f"/notifications?since={since}")  # idle: from Redis alone
    assert valkey.client.ttl(presence.key(ben.user.id)) <= 5
    valkey.client.delete(poll_cache.key(ben.user.id))
    ben.get(f"/notifications?since={since}")
    assert valkey.client.ttl(presence.key(ben.user.id)) > 5


def test_deleted_post_is_not_counted_as_new(ana, ben, db, run_jobs):
    poll_as_page(ben)
    publish(ana)
    publish(ana, "a mistake")
    before = newest_post(db)
    run_jobs()
    assert ana.post_form(f"/post/{before}/delete").status_code == 303
    assert timeline_states(ben) == [before]
    assert count_new_posts(ben, 0) == {"count": 1, "more": False}


def test_author_without_remaining_posts_notifies_no_one(ana, ben, db, run_jobs):
    poll_as_page(ben)
    publish(ana)
    ana.post_form(f"/post/{newest_post(db)}/delete")
    run_jobs()
    assert timeline_states(ben) == []


def test_new_post_count_matches_the_timeline(ana, ben, db, queries):
    first = a_post(ana.user)
    a_post(ana.user)
    a_post(ben.user)
    a_post(a_user("stranger"))
    gone = a_user("gone")
    a_follow(ben.user, gone)
    a_post(gone)
    db.session.execute(update(User).where(User.id == gone.id).values(active=False))
    ben.get("/")
    with queries() as asked:
        answer = ben.get(f"/timeline/news?after={first.id}")
    assert answer.get_json() == {"count": 2, "more": False}
    assert len(asked) == 2, asked
    assert count_new_posts(ben, newest_post(db)) == {"count": 0, "more": False}


def test_new_post_count_is_limited(ana, ben, db):
    for number in range(MAX_NEW_POSTS):
        db.session.add(Post(author_id=ana.user.id, body=str(number), search_text=""))
    db.session.commit()
    assert count_new_posts(ben, 0) == {"count": MAX_NEW_POSTS, "more": False}
    a_post(ana.user)
    assert count_new_posts(ben, 0) == {"count": MAX_NEW_POSTS, "more": True}


@pytest.mark.parametrize("after", ["", "-1", "x", "99999999999999999999", "1e3", "٣"])
def test_invalid_after_parameter_is_accepted(ben, after):
    assert ben.get(f"/timeline/news?after={after}").status_code == 200


def test_new_post_count_requires_login(client):
    assert client.get("/timeline/news?after=0", headers={"Accept": "application/json"}).status_code == 401
    assert client.get("/timeline/news?after=0").status_code == 302


def test_polling_for_new_posts_does_not_update_last_seen(ben, db):
    used = select(LoginSession.last_used_at)
    before = db.session.scalars(used).all()
    count_new_posts(ben, 0)
    assert db.session.get_one(User, ben.user.id).last_seen is None
    assert db.session.scalars(used).all() == before
    ben.get("/")
    assert db.session.get_one(User, ben.user.id).last_seen is not None


def test_only_the_first_timeline_page_offers_new_posts(ana, ben, configure):
    configure(POSTS_PER_PAGE=2)
    assert 'data-newest="0"' in ben.get("/").text
    posts = [a_post(ana.user) for _ in range(3)]
    assert f'data-newest="{posts[-1].id}"' in ben.get("/").text
    assert "data-timeline" not in ben.get(f"/?before={posts[-1].id}").text
