"""Pinned posts: at the top of the author's profile, up to five, and seen by whom the post is for."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from app.core.database import write_transaction
from app.core.time import now
from app.models import Post, PostPin
from app.moderation.actions.locking import lock_person
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_export import download
from tests.posts.test_timelines import posts_on
from tests.support.locks import wait_until_blocked

MAX = 5


def pin(browser, post, what="pin", follow=False):
    return browser.post_form(f"/post/{post.id}/{what}", follow_redirects=follow)


def pinned_on(page: str) -> list[int]:
    """The ids of the posts below the label "Pinned"."""
    return [
        int(found)
        for found in re.findall(r'Pinned</div><article class="post" id="post-(\d+)"', re.sub(r">\s+<", "><", page))
    ]


def test_pinned_posts_come_first_on_the_first_page_and_only_once(as_, configure):
    configure(POSTS_PER_PAGE=3)
    ana, ben = as_("ana"), as_("ben")
    posts = [a_post(ana.user, f"No. {number}") for number in range(6)]
    for post in (posts[0], posts[5]):
        for _ in range(2):  # a double click
            answer = pin(ana, post)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/user/ana")
    for browser in (ana, ben):
        page = browser.get("/user/ana").text
        assert pinned_on(page) == [posts[5].id, posts[0].id]
        assert posts_on(page) == [posts[number].id for number in (5, 0, 4, 3)]
        second = browser.get(f"/user/ana?before={posts[3].id}").text
        assert (pinned_on(second), posts_on(second)) == ([], [posts[number].id for number in (2, 1, 0)])
        assert pinned_on(browser.get("/explore").text) == []
    for _ in range(2):
        assert pin(ana, posts[0], "unpin").status_code == 303
    assert pinned_on(ben.get("/user/ana").text) == [posts[5].id]


def test_the_menu_of_ones_own_post_offers_to_pin_it(as_):
    ana, ben = as_("ana"), as_("ben")
    post, private = a_post(ana.user), a_post(ana.user, "For you", visibility="mentioned")
    assert f'action="/post/{post.id}/pin"' in ana.get("/user/ana").text
    assert f'action="/post/{private.id}/pin"' not in ana.get("/user/ana").text
    assert f'action="/post/{post.id}/pin"' not in ben.get("/user/ana").text
    assert "Pinned to your profile." in pin(ana, post, follow=True).text
    for path in ("/user/ana", "/", f"/post/{post.id}"):
        page = ana.get(path).text
        assert f'action="/post/{post.id}/unpin"' in page and f'action="/post/{post.id}/pin"' not in page
    assert "Unpinned." in pin(ana, post, "unpin", follow=True).text


def test_only_ones_own_posts_can_be_pinned_and_not_private_ones(as_, db, client):
    ana, ben = as_("ana"), as_("ben")
    post, private = a_post(ana.user), a_post(ana.user, "For you", visibility="mentioned")
    assert "only pin your own posts" in pin(ben, post, follow=True).text
    assert "only for mentioned people" in pin(ana, private, follow=True).text
    assert ana.post_form("/post/4711/pin").status_code == 303
    assert client.post_form(f"/post/{post.id}/pin").status_code == 302
    assert ana.post(f"/post/{post.id}/pin").status_code == 400
    assert db.session.scalars(select(PostPin)).all() == []
    pin(ana, post)
    pin(ben, post, "unpin")
    assert pinned_on(ben.get("/user/ana").text) == [post.id]


@pytest.mark.parametrize(
    ("role", "seen"), [("stranger", 1), ("follower", 2), ("blocked", 0), ("reader of a suspended author", 0)]
)
def test_who_may_not_see_a_post_does_not_see_that_it_is_pinned(as_, db, role, seen):
    ana, viewer = as_("ana"), as_("viewer")
    posts = [a_post(ana.user, "For all", created_at=now()), a_post(ana.user, "For some", visibility="followers")]
    for post in posts:
        pin(ana, post)
    if role == "follower":
        a_follow(viewer.user, ana.user)
    elif role == "blocked":
        ana.post_form("/block/viewer")
    elif role == "reader of a suspended author":
        ana.user.active, ana.user.suspended_at = False, now()
        db.session.commit()
    page = viewer.get("/user/ana").text
    assert pinned_on(page) == [post.id for post in reversed(posts[:seen])]
    assert ("For some" in page) == (seen == 2)


def test_pins_cost_one_statement_and_nothing_without_pins(as_, queries):
    ana, ben = as_(a_user("ana", last_seen=now())), as_("ben")
    posts = [a_post(ben.user) for _ in range(MAX)]
    with queries() as before:
        ana.get("/user/ben")
    for post in posts:
        pin(ben, post)
    with queries() as after:
        ana.get("/user/ben")
    assert (len(before), len(after)) == (3, 4)


def test_the_limit_holds_for_requests_at_the_same_time(as_, db):
    ana = a_user("ana")
    posts = [a_post(ana) for _ in range(MAX + 3)]
    browsers = [as_(ana) for _ in range(4)]
    for post in posts[: MAX - 1]:
        pin(browsers[0], post)
    gate, left = Barrier(4), [post.id for post in posts[MAX - 1 :]]

    def click(at: int) -> int:
        gate.wait()
        return browsers[at].post_form(f"/post/{left[at]}/pin").status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(click, range(4))) == {303}
    db.session.rollback()  # ends the transaction that read the posts
    assert db.session.scalar(select(func.count(PostPin.id))) == MAX
    taken = set(db.session.scalars(select(PostPin.post_id)))
    late = next(post for post in posts if post.id not in taken)
    assert "You can pin up to 5 posts. Unpin another one first." in pin(browsers[0], late, follow=True).text
    browsers[0].post_form(f"/post/{posts[0].id}/delete")  # deleting a post frees its place
    assert "Pinned to your profile." in pin(browsers[0], late, follow=True).text


def test_a_post_can_be_pinned_while_a_moderator_removes_it(as_, db):
    """Both lock the author before the post, so that neither waits for the other forever."""
    ana, mia = as_("ana"), a_user("mia", role="moderator")
    post = a_post(ana.user)
    author_id, post_id = ana.user.id, post.id
    db.session.commit()
    with ThreadPoolExecutor(1) as pool:
        with write_transaction():
            lock_person(author_id, mia)
            pinning = pool.submit(ana.post_form, f"/post/{post_id}/pin")
            wait_until_blocked(db, pinning)
            db.session.delete(db.session.get(Post, post_id, with_for_update=True, populate_existing=True))
        assert pinning.result().status_code == 303
    assert db.session.scalars(select(PostPin)).all() == []
    assert "only pin your own posts" in ana.get("/user/ana").text


def test_pins_are_exported(as_, db, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    pin(ana, post)
    pin(ben, a_post(ben.user))
    ana.post_form("/export_posts")
    run_jobs()
    row = db.session.scalars(select(PostPin).where(PostPin.post_id == post.id)).one()
    assert download(ana, db)["pins"] == [{"post": post.id, "created_at": row.created_at.isoformat()}]
