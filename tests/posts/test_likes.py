"""Likes and bookmarks: set and taken back, counted, told, and listed."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, func, select, update

from app.core.database import write_transaction
from app.jobs import enqueue
from app.models import Activity, Job, Post, PostBookmark, PostCount, PostLike, User
from app.posts import counters
from tests.factories import a_post, a_user
from tests.posts.test_timelines import everything, posts_on
from tests.support.client import in_new_context

AT_ONCE = 8


def button_of(page, post, name):
    """(pressed, address, number) of a button of a post."""
    shown = page.partition(f'id="post-{post.id}"')[2].partition("</article>")[0]
    button = re.search(rf'<button form="react"[^>]*/post/{post.id}/(?:un)?{name}".*?</button>', shown, re.DOTALL)[0]
    number = re.search(r"data-count>(\d*)<", button)
    return 'aria-pressed="true"' in button, re.search(r'formaction="([^"]+)"', button)[1], number and number[1]


def act(browser, post, what, **form):
    answer = browser.post_form(f"/post/{post.id}/{what}", form)
    assert answer.status_code == 303, answer.text
    return answer


def test_a_like_is_a_button_that_goes_both_ways(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    pages = ("/explore", "/user/ana", f"/post/{post.id}", "/search?q=hello")
    assert {button_of(ben.get(path).text, post, "like") for path in pages} == {(False, f"/post/{post.id}/like", "")}
    for _ in range(2):  # a double click
        answer = act(ben, post, "like", next="/explore")
        assert answer.headers["Location"] == f"/explore#post-{post.id}"
    assert {button_of(ben.get(path).text, post, "like") for path in pages} == {(True, f"/post/{post.id}/unlike", "1")}
    assert button_of(ana.get("/").text, post, "like") == (False, f"/post/{post.id}/like", "1")
    for _ in range(2):
        act(ben, post, "unlike")
    assert button_of(ana.get("/").text, post, "like") == (False, f"/post/{post.id}/like", "")
    assert db.session.scalars(select(PostLike)).all() == []


def test_a_script_gets_the_new_number(as_):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    headers = {"Accept": "application/json"}
    act(ana, post, "like")
    assert ben.post_form(f"/post/{post.id}/like", headers=headers).get_json() == {"likes": "2"}
    assert ben.post_form(f"/post/{post.id}/unlike", headers=headers).get_json() == {"likes": "1"}
    assert ana.post_form(f"/post/{post.id}/unlike", headers=headers).get_json() == {"likes": ""}


def test_liking_needs_a_login_a_token_and_a_post(as_, client, db):
    ana = as_("ana")
    post = a_post(ana.user)
    for what in ("like", "unlike", "bookmark", "unbookmark"):
        assert client.post_form(f"/post/{post.id}/{what}").status_code == 302
        assert ana.post(f"/post/{post.id}/{what}").status_code == 400
        assert ana.post_form(f"/post/4711/{what}").status_code == 404
    assert act(ana, post, "like", next="//evil.example").headers["Location"].startswith("/post/")


def test_the_author_is_told_of_likes_of_a_post_in_one_row(as_, db):
    ana = as_("ana")
    post, other = a_post(ana.user, "One"), a_post(ana.user, "Two")
    people = [as_(name) for name in ("ben", "cleo", "dan")]
    for person in people:
        act(person, post, "like")
    act(people[0], other, "like")
    act(ana, post, "like")
    page = " ".join(re.sub(r"<[^>]+>", "", ana.get("/activity").text).split())
    assert "dan and 2 others liked your post" in page
    assert "ben liked your post" in page
    act(people[2], post, "unlike")
    page = " ".join(re.sub(r"<[^>]+>", "", ana.get("/activity").text).split())
    assert "cleo and ben liked your post" in page
    for person in people[:2]:
        act(person, post, "unlike")
    assert db.session.scalar(select(func.count(Activity.id))) == 1


@pytest.mark.parametrize(("what", "model"), [("like", PostLike), ("bookmark", PostBookmark)])
def test_a_reaction_can_be_withdrawn_after_access_is_lost(as_, db, what, model):
    ana, ben = as_("ana"), as_("ben")
    post, headers = a_post(ana.user), {"Accept": "application/json"}
    act(ben, post, what)
    ana.post_form("/block/ben")
    refused = ben.post_form(f"/post/4711/un{what}", headers=headers)
    for _ in range(2):  # with the row and without it
        answer = ben.post_form(f"/post/{post.id}/un{what}", headers=headers)
        assert (answer.status_code, answer.get_json()) == (404, refused.get_json())
        assert db.session.scalars(select(model)).all() == []
    ana.post_form("/unblock/ben")
    assert not button_of(ben.get("/explore").text, post, what)[0]
    assert "liked your post" not in ana.get("/activity").text


def test_notifications_about_a_reply_open_at_the_reply(as_):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ben.user, "Hello")
    ana.post_form(f"/post/{post.id}/reply", {"post": "Good morning"})
    cleo, reply = as_("cleo"), post.id + 1
    act(cleo, post, "like")
    act(ben, SimpleNamespace(id=reply), "like")
    assert f'href="/post/{reply}#post-{reply}"' in ana.get("/activity").text
    assert f'href="/post/{post.id}"' in ben.get("/activity").text


def test_a_block_or_mute_hides_likes_and_a_block_forbids_them(as_, db):
    ana, ben, eva = as_("ana"), as_("ben"), as_("eva")
    post = a_post(ana.user)
    act(ben, post, "like")
    act(eva, post, "like")
    ana.post_form("/block/ben")
    assert button_of(ana.get("/").text, post, "like")[2] == "1"
    assert button_of(eva.get("/explore").text, post, "like")[2] == "2"
    assert ben.post_form(f"/post/{post.id}/like").status_code == 404
    assert posts_on(ben.get("/likes").text) == []
    ana.post_form("/mute/eva")
    assert button_of(ana.get("/").text, post, "like")[2] == ""
    assert "liked your post" not in ana.get("/activity").text


@pytest.mark.parametrize(("what", "path"), [("like", "/likes"), ("bookmark", "/bookmarks")])
def test_the_lists_are_ones_own_the_latest_first(as_, db, configure, what, path):
    configure(POSTS_PER_PAGE=3)
    ana, ben = as_("ana"), as_("ben")
    posts = [a_post(ana.user) for _ in range(10)]
    chosen = random.Random(5).sample(posts, 8)
    for post in chosen:
        act(ben, post, what)
    expected = [post.id for post in reversed(chosen)]
    assert everything(ben, path) == expected
    assert everything(ana, path) == []
    act(ben, chosen[3], f"un{what}")
    db.session.delete(chosen[5])
    db.session.commit()
    assert everything(ben, path) == [one for at, one in enumerate(expected) if at not in {2, 4}]
    for before in ("0", "x", "9" * 30):
        assert ben.get(f"{path}?before={before}").status_code == 200


def test_nobody_sees_or_hears_of_a_bookmark(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    act(ben, post, "bookmark")
    assert button_of(ben.get("/explore").text, post, "bookmark")[0]
    assert not button_of(ana.get("/").text, post, "bookmark")[0]
    assert db.session.scalars(select(Activity)).all() == []


def test_lists_are_few_queries(as_, db, queries):
    ana = as_("ana")
    for _ in range(30):
        post = a_post(ana.user)
        act(ana, post, "like")
        act(ana, post, "bookmark")
    for path, statements in (("/likes", 2), ("/bookmarks", 2), ("/explore", 2)):
        with queries() as asked:
            ana.get(path)
        assert len(asked) == statements, asked


# --- Counters


@pytest.fixture
def recount(db, run_jobs):
    """Run the daily recount; what it returns."""

    def run():
        row = enqueue("posts.recount")
        db.session.commit()
        run_jobs()
        return db.session.get(Job, row.id, populate_existing=True).result

    return run


def test_likes_of_a_closed_account_are_not_counted(app, as_, db, run_jobs, recount):
    ana, gone = as_("ana"), as_("gone")
    post = a_post(ana.user)
    act(gone, post, "like")
    for command, expected in (("suspend", ""), ("reinstate", "1")):
        result = in_new_context(app.test_cli_runner().invoke, args=["users", command, "gone"])
        assert result.exit_code == 0, result.output
        run_jobs()
        assert button_of(ana.get("/").text, post, "like")[2] == expected
        assert recount() == {"checked": len(counters.STORED), "drift": 0}
    db.session.execute(delete(User).where(User.id == gone.user.id))  # cascades
    db.session.commit()
    assert button_of(ana.get("/").text, post, "like")[2] == ""
    assert recount()["drift"] == 0


def test_counters_that_drifted_are_put_right(as_, db, recount):
    ana = as_("ana")
    post = a_post(ana.user)
    act(ana, post, "like")
    db.session.execute(update(PostCount).values(likes=7))
    db.session.execute(update(PostLike).values(counted=False))
    db.session.commit()
    assert recount() == {"checked": len(counters.STORED), "drift": 2}
    assert db.session.scalar(select(PostCount.likes)) == 1


@pytest.mark.slow
def test_clicks_at_once_leave_the_right_count(as_, db, recount):
    ana = as_("ana")
    ids = [a_post(ana.user).id for _ in range(3)]
    browsers = [as_(f"member{number}") for number in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def click(number):
        dice, browser = random.Random(number), browsers[number]
        gate.wait()
        for _ in range(10):
            what = dice.choice(["like", "unlike", "like", "bookmark", "unbookmark"])
            answer = browser.post_form(f"/post/{dice.choice(ids)}/{what}")
            assert answer.status_code in {303, 404}, answer.text
        if number == 0:
            ana.post_form(f"/post/{ids[0]}/delete")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(click, range(AT_ONCE)))
    stored = dict(db.session.execute(select(PostCount.post_id, PostCount.likes)).all())
    rows = dict(db.session.execute(select(PostLike.post_id, func.count()).group_by(PostLike.post_id)).all())
    assert {post_id: number for post_id, number in stored.items() if number} == rows
    events = select(func.count(Activity.id)).where(Activity.kind == "like")
    assert db.session.scalar(events) == sum(rows.values())
    assert set(db.session.scalars(select(Post.id))) == set(ids[1:])
    assert db.session.scalar(select(func.count(PostBookmark.id)).where(PostBookmark.post_id == ids[0])) == 0
    assert recount()["drift"] == 0


@pytest.mark.slow
def test_many_clicks_on_one_button_make_one_like(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    post = a_post(ana.user)
    browsers, address = [as_(ben) for _ in range(AT_ONCE)], f"/post/{post.id}/like"
    gate = Barrier(AT_ONCE)

    def click(browser):
        gate.wait()
        return browser.post_form(address).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(click, browsers)) == {303}
    assert db.session.scalars(select(PostCount.likes)).one() == 1
    assert db.session.scalar(select(func.count(Activity.id))) == 1


@pytest.mark.slow
def test_a_post_deleted_while_it_is_liked_and_unliked(as_, db, recount):
    ana = as_("ana")
    posts = [a_post(ana.user).id for _ in range(6)]
    browsers = [ana, *(as_(f"member{number}") for number in range(AT_ONCE - 1))]
    for post_id in posts:
        for browser in browsers[1:4]:
            assert browser.post_form(f"/post/{post_id}/like").status_code == 303
    gate = Barrier(AT_ONCE)

    def click(number):
        browser = browsers[number]
        for post_id in posts:
            gate.wait()
            if browser is ana:
                assert browser.post_form(f"/post/{post_id}/delete").status_code == 303
                continue
            for what in ("unlike", "like", "bookmark")[:: 1 if number < 4 else -1]:
                answer = browser.post_form(f"/post/{post_id}/{what}", headers={"Accept": "application/json"})
                assert answer.status_code in {200, 404, 422}, answer.text

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(click, range(AT_ONCE)))
    for model in (Post, PostLike, PostBookmark, PostCount, Activity):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0, model
    assert recount() == {"checked": 0, "drift": 0}


@pytest.mark.slow
def test_likes_while_the_account_is_suspended_and_restored(app, as_, db, recount):
    """The job that corrects `counted` locks what a like and the deletion of a post lock, in the same order."""
    ana, ben = as_("ana"), as_("ben")
    other_tab = as_(ana.user)
    posts = [a_post(ana.user).id for _ in range(20)]
    for post_id in posts:
        ben.post_form(f"/post/{post_id}/like")
    ben_id, gate = ben.user.id, Barrier(4)

    def correct():
        with app.app_context():
            for active in (False, True) * 5:
                with write_transaction():
                    db.session.execute(update(User).where(User.id == ben_id).values(active=active))
                counters.count_reactions(ben_id)

    def click():
        for post_id in posts:
            assert ana.post_form(f"/post/{post_id}/like").status_code in {303, 404}

    def delete_some():
        for post_id in posts[::3]:
            assert other_tab.post_form(f"/post/{post_id}/delete").status_code == 303

    def run(work):
        gate.wait()
        work()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, (correct, correct, click, delete_some)))
    counters.count_reactions(ben_id)
    assert recount()["drift"] == 0
    rows = dict(db.session.execute(select(PostLike.post_id, func.count()).group_by(PostLike.post_id)).all())
    assert dict(db.session.execute(select(PostCount.post_id, PostCount.likes)).all()) == rows
    assert len(rows) == len(posts) - len(posts[::3])
