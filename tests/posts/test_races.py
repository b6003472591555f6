"""Several requests at once: a form that is sent twice makes one row, and counters equal their rows."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from app.models import Activity, Job, Post, PostCount
from tests.factories import a_post, a_user
from tests.posts.test_likes import recount  # noqa: F401 - a fixture

AT_ONCE = 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "form", "made"),
    [
        ("/post", {"post": "Once", "language": "en", "form_key": "one form"}, Post.id),
        ("/export_posts", {}, Job.id),
    ],
)
def test_concurrent_clicks_create_one_row(as_, db, path, form, made):
    ana = a_user("ana")
    browsers = [as_(ana) for _ in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def click(browser) -> int:
        gate.wait()
        return browser.post_form(path, form).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(click, browsers)) == {303}
    assert len(db.session.scalars(select(made)).all()) == 1


@pytest.mark.slow
def test_concurrent_clicks_create_one_quote(as_, db):
    ana = a_user("ana")
    path = f"/post/{a_post(a_user('ben')).id}/quote"
    browsers = [as_(ana) for _ in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def click(browser) -> str:
        gate.wait()
        return browser.post_form(path, {"post": "Once", "form_key": "one form"}).headers["Location"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(set(pool.map(click, browsers))) == 1
    assert db.session.scalars(select(PostCount.quotes)).all() == [1]
    assert db.session.scalars(select(Activity.kind)).all() == ["quote"]


@pytest.mark.slow
def test_quotes_and_deletions_at_once_leave_the_right_count(as_, db, recount):  # noqa: F811
    ana = as_("ana")
    posts = [a_post(ana.user).id for _ in range(4)]
    browsers = [as_(f"member{number}") for number in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def write(number):
        dice, browser = random.Random(number), browsers[number]
        gate.wait()
        for at in range(4):
            said = browser.post_form(f"/post/{dice.choice(posts)}/quote", {"post": f"number {at} for @ana"})
            assert said.status_code in {303, 404, 422}, said.text
            if at % 2 and said.status_code == 303:
                assert browser.post_form(f"{said.headers['Location']}/delete").status_code == 303
            if at == number == 1:
                for post_id in posts[:2]:
                    assert ana.post_form(f"/post/{post_id}/delete").status_code == 303

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, range(AT_ONCE)))
    stored = dict(db.session.execute(select(PostCount.post_id, PostCount.quotes)).all())
    counted = select(Post.quote_of_id, func.count()).where(Post.quote_of_id.in_(posts[2:])).group_by(Post.quote_of_id)
    rows = dict(db.session.execute(counted).all())
    assert {post_id: number for post_id, number in stored.items() if number} == rows
    assert set(stored) <= set(posts[2:])
    assert recount()["drift"] == 0
