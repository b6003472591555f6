"""Home, explore and profile: which posts, in which order, and in how many queries."""

from __future__ import annotations

import random
import re

import pytest
from sqlalchemy import insert, select

from app.extensions import db as the_db
from app.models import Follow, Post
from app.posts.reactions import like
from app.queries import home as home_timeline
from app.queries import timelines
from tests.factories import a_follow, a_post, a_user


def posts_on(page: str) -> list[int]:
    """The ids of the posts of a page, in its order."""
    return [int(identity) for identity in re.findall(r'<article class="post[^"]*" id="post-(\d+)"', page)]


def everything(browser, path: str) -> list[int]:
    """The posts of all pages, by the links between them."""
    seen = []
    while path:
        html = browser.get(path).text
        seen += posts_on(html)
        link = re.search(r'rel="next" href="([^"]+)"', html)
        path = link[1] if link else ""
    return seen


def test_home_shows_own_posts_and_posts_of_followed_members(as_):
    ana, ben, eva = a_user("ana"), a_user("ben"), a_user("eva")
    a_follow(ana, ben)
    a_follow(eva, ana)
    posts = [a_post(ben), a_post(eva), a_post(ana), a_post(ben)]
    browser = as_(ana)
    assert posts_on(browser.get("/").text) == [posts[3].id, posts[2].id, posts[0].id]
    assert posts_on(browser.get("/index").text) == [posts[3].id, posts[2].id, posts[0].id]
    assert posts_on(browser.get("/explore").text) == [post.id for post in reversed(posts)]
    assert posts_on(browser.get("/user/ben").text) == [posts[3].id, posts[0].id]


def test_timelines_require_login(client):
    for path in ("/", "/index", "/explore", "/search?q=x", "/post/1"):
        assert client.get(path).status_code == 302


@pytest.mark.slow
@pytest.mark.parametrize(("path", "statements"), [("/", 3), ("/explore", 2), ("/post/1", 2)])  # home: the draft, too
@pytest.mark.parametrize("number", [0, 1, 60])
def test_timeline_takes_few_statements_for_any_content(as_, queries, path, statements, number):
    ana = a_user("ana")
    people = [a_user() for _ in range(number)]
    for person in people:
        a_follow(ana, person)
    for person in people:
        a_post(person, "Hello #tag and @ana, see https://example.org", language="es")
    browser = as_(ana)
    browser.get("/messages")
    with queries() as asked:
        page = browser.get(path)
    assert page.status_code == (404 if path == "/post/1" and not number else 200)
    assert len(asked) == statements, asked


@pytest.mark.slow
def test_home_timeline_equals_a_simple_query(db, as_, configure):
    """The quick way (a floor from each author's newest post) against the obvious one, over random communities."""
    configure(POSTS_PER_PAGE=4)
    people = [a_user() for _ in range(12)]
    me, dice = people[0], random.Random(7)
    for round_of in range(6):
        db.session.execute(Follow.__table__.delete())
        db.session.execute(Post.__table__.delete())
        followed = dice.sample(people[1:], dice.randint(0, 11))
        db.session.add_all(Follow(follower_id=me.id, followed_id=person.id) for person in followed)
        # Some write much more than others, so that one author fills pages of their own.
        authors = dice.choices(people, weights=[dice.random() ** 3 for _ in people], k=60)
        db.session.execute(insert(Post), [{"author_id": who.id, "body": "x", "search_text": "x"} for who in authors])
        db.session.commit()
        plain = select(Post.id).where(Post.author_id.in_([me.id, *(person.id for person in followed)]))
        expected = list(db.session.scalars(plain.order_by(Post.id.desc())))
        assert everything(as_(me), "/") == expected, round_of


def test_every_post_is_on_exactly_one_page(as_, configure):
    configure(POSTS_PER_PAGE=3)
    ana = a_user("ana")
    posts = [a_post(ana) for _ in range(10)]
    newest_first = [post.id for post in reversed(posts)]
    browser = as_(ana)
    for path in ("/", "/explore", "/user/ana"):
        assert everything(browser, path) == newest_first


@pytest.mark.parametrize("before", ["0", "-1", "x", "1e3", "99999999999", "9" * 19, "9" * 40, "٣", "%00"])
def test_invalid_timeline_cursor_is_ignored(as_, before):
    browser = as_("ana")
    a_post(browser.user)
    for path in ("/", "/explore", "/user/ana", "/search?q=hello"):
        assert browser.get(f"{path}{'&' if '?' in path else '?'}before={before}").status_code == 200


def test_impossible_post_id_is_not_found(as_):
    browser = as_("ana")
    for identity in ("0", "7", "2147483648", "9" * 30):
        assert browser.get(f"/post/{identity}").status_code == 404
        assert browser.post_form(f"/post/{identity}/language", {"language": "es"}).status_code == 404


def test_posts_of_a_closed_account_are_not_shown(as_, db):
    ana, ben = a_user("ana"), a_user("ben")
    a_follow(ana, ben)
    post = a_post(ben)
    ben.active = False
    db.session.commit()
    browser = as_(ana)
    assert posts_on(browser.get("/").text) == []
    assert posts_on(browser.get("/explore").text) == []
    assert browser.get(f"/post/{post.id}").status_code == 404


def test_home_query_uses_indexes_only(db):
    """On SQLite the plan says so: every step on `post` is a search in an index, never a scan."""
    if the_db.engine.dialect.name != "sqlite":
        pytest.skip("the wording of the plan is SQLite's")
    ana = a_user("ana")
    query = home_timeline.home().params(timelines.page_parameters(ana, before=None, size=25))
    sql = str(query.compile(the_db.engine, compile_kwargs={"literal_binds": True}))
    plan = [row[-1] for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    steps = [step for step in plan if " post" in step]
    assert steps
    assert all(step.startswith("SEARCH") for step in steps), steps


def test_a_loaded_post_is_readable_after_a_rollback(db):
    ana, ben = a_user("ana"), a_user("ben")
    post_id = a_post(ana, "Hello").id
    like(ben, post_id)
    db.session.commit()
    db.session.expunge_all()
    ben = db.session.merge(ben)
    post = timelines.one(ben, post_id)
    assert (post.like_count, post.is_liked) == (1, True)
    db.session.rollback()
    assert (post.body, post.like_count) == ("Hello", None)
    assert timelines.one(ben, post_id) is post
    assert (post.like_count, post.author.username) == (1, "ana")
