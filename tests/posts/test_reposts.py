"""Reposts: set and taken back, counted, told, and in the timelines."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import delete, func, insert, select, update

from app.core.time import now
from app.extensions import db as the_db
from app.models import Activity, Follow, Job, Post, PostCount, PostRepost, User
from app.posts import counters
from app.posts.reactions import repost
from app.queries import home as home_timeline
from app.queries import timelines
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_export import download, store  # noqa: F401 (a fixture)
from tests.posts.test_likes import act, button_of, recount  # noqa: F401 (a fixture)
from tests.posts.test_new_posts import count_new_posts, poll_as_page, timeline_states
from tests.posts.test_timelines import everything, posts_on
from tests.support.client import in_new_context

AT_ONCE = 8
AS_SCRIPT = {"Accept": "application/json"}


def labels_on(page: str) -> dict[int, str]:
    """The line above each reposted post."""
    found = re.findall(r'class="reposted-by">(.*?)</p>\s*<article[^>]* id="post-(\d+)"', page, re.DOTALL)
    return {int(post_id): re.sub(r"<[^>]+>", "", label).strip() for label, post_id in found}


@pytest.fixture
def ana(as_):
    """Who writes."""
    return as_("ana")


@pytest.fixture
def ben(as_):
    """Who reposts."""
    return as_(a_user("ben", name="Ben B."))


@pytest.fixture
def cleo(as_, ben):
    """Who follows ben, and not ana."""
    browser = as_("cleo")
    a_follow(browser.user, ben.user)
    return browser


def test_a_repost_is_a_button_that_goes_both_ways(ana, ben, db):
    post = a_post(ana.user)
    pages = ("/explore", "/user/ana", f"/post/{post.id}", "/search?q=hello")
    assert {button_of(ben.get(path).text, post, "repost") for path in pages} == {(False, f"/post/{post.id}/repost", "")}
    for _ in range(2):  # a double click
        assert act(ben, post, "repost", next="/explore").headers["Location"] == f"/explore#post-{post.id}"
    assert {button_of(ben.get(path).text, post, "repost") for path in pages} == {
        (True, f"/post/{post.id}/unrepost", "1")
    }
    assert button_of(ana.get("/").text, post, "repost") == (False, f"/post/{post.id}/repost", "1")
    assert ana.post_form(f"/post/{post.id}/repost", headers=AS_SCRIPT).get_json() == {"reposts": "2"}
    for _ in range(2):
        act(ben, post, "unrepost")
    assert ana.post_form(f"/post/{post.id}/unrepost", headers=AS_SCRIPT).get_json() == {"reposts": ""}
    assert db.session.scalars(select(PostRepost)).all() == []


def test_reposting_needs_a_login_a_token_and_a_post(ana, client):
    post = a_post(ana.user)
    for what in ("repost", "unrepost"):
        assert client.post_form(f"/post/{post.id}/{what}").status_code == 302
        assert ana.post(f"/post/{post.id}/{what}").status_code == 400
        assert ana.post_form(f"/post/4711/{what}").status_code == 404


@pytest.mark.parametrize("level", ["followers", "mentioned"])
def test_only_posts_for_all_members_can_be_reposted(ana, ben, db, level):
    assert ana.post_form("/post", {"post": "Between us, @ben", "visibility": level}).status_code == 303
    post = db.session.scalars(select(Post)).one()
    assert f'formaction="/post/{post.id}/like"' in ana.get("/").text
    assert f"/post/{post.id}/repost" not in ana.get("/").text
    for browser in (ana, ben):
        assert browser.post_form(f"/post/{post.id}/repost").status_code == 404
    assert db.session.scalars(select(PostRepost)).all() == []


def test_a_repost_is_on_home_of_followers_and_on_the_profile(ana, ben, cleo, as_):
    stranger = as_("stranger")
    old, new = a_post(ana.user), a_post(ben.user)
    act(ben, old, "repost")
    newest = a_post(ben.user)
    expected = [newest.id, old.id, new.id]
    page = cleo.get("/").text
    assert posts_on(page) == expected
    assert labels_on(page) == {old.id: "Ben B. reposted"}
    page = stranger.get("/user/ben").text
    assert posts_on(page) == expected
    assert labels_on(page) == {old.id: "Ben B. reposted"}
    assert labels_on(ben.get("/user/ben").text) == {old.id: "You reposted"}
    assert posts_on(ben.get("/").text) == [newest.id, new.id]  # nothing moves for who pressed the button
    assert posts_on(stranger.get("/").text) == []
    assert posts_on(stranger.get("/explore").text) == [newest.id, new.id, old.id]
    act(ben, old, "unrepost")
    assert posts_on(cleo.get("/").text) == posts_on(stranger.get("/user/ben").text) == [newest.id, new.id]


def test_a_reply_can_be_reposted(ana, ben, cleo, db):
    post = a_post(ana.user)
    ana.post_form(f"/post/{post.id}/reply", {"post": "And another thing"})
    reply = db.session.scalars(select(Post).where(Post.reply_to_id == post.id)).one()
    act(ben, reply, "repost")
    assert posts_on(cleo.get("/").text) == posts_on(cleo.get("/user/ben").text) == [reply.id]


def test_a_post_is_at_its_newest_place_only(ana, ben, cleo, as_):
    dan = as_("dan")
    a_follow(cleo.user, dan.user)
    post, other = a_post(ben.user), a_post(ben.user)
    for browser in (ben, dan, ana):
        act(browser, post, "repost")
    page = cleo.get("/").text
    assert posts_on(page) == [post.id, other.id]
    assert labels_on(page) == {post.id: "dan reposted"}
    page = cleo.get("/user/ben").text
    assert posts_on(page) == [post.id, other.id]
    assert labels_on(page) == {post.id: "Ben B. reposted"}


def test_a_deleted_post_takes_its_reposts_along(ana, ben, cleo, db):
    post = a_post(ana.user)
    act(ben, post, "repost")
    assert ana.post_form(f"/post/{post.id}/delete").status_code == 303
    for model in (PostRepost, PostCount, Activity):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0, model
    assert posts_on(cleo.get("/").text) == []


def test_the_author_is_told_of_reposts_in_one_row(ana, as_, db):
    post = a_post(ana.user, "One")
    people = [as_(name) for name in ("ben", "cleo", "dan")]
    for person in (*people, ana):
        act(person, post, "repost")

    def told():
        return " ".join(re.sub(r"<[^>]+>", "", ana.get("/activity").text).split())

    assert "dan and 2 others reposted your post" in told()
    act(people[2], post, "unrepost")
    assert "cleo and ben reposted your post" in told()
    act(people[1], post, "unrepost")
    assert "ben reposted your post" in told()


def test_a_repost_can_be_withdrawn_after_access_is_lost(ana, ben, db):
    post = a_post(ana.user)
    act(ben, post, "repost")
    ana.post_form("/block/ben")
    assert ben.post_form(f"/post/{post.id}/repost").status_code == 404
    for _ in range(2):
        assert ben.post_form(f"/post/{post.id}/unrepost", headers=AS_SCRIPT).status_code == 404
        assert db.session.scalars(select(PostRepost)).all() == []


# --- The bar "Show 3 new posts"


def test_followers_are_told_of_a_repost_as_of_a_post(ana, ben, cleo, db, run_jobs):
    post, shown = a_post(ana.user), a_post(ben.user)
    since = poll_as_page(cleo)
    act(ben, post, "repost")
    place = db.session.scalars(select(PostRepost.id)).one()
    assert place > shown.id
    run_jobs()
    assert timeline_states(cleo, since) == [place]
    assert count_new_posts(cleo, shown.id) == {"count": 1, "more": False}
    page = cleo.get("/").text
    assert f'data-newest="{place}"' in page
    assert f'data-place="{place}"' in page
    assert count_new_posts(cleo, place) == {"count": 0, "more": False}
    assert count_new_posts(ben, shown.id) == {"count": 0, "more": False}  # one's own is no news
    act(ben, post, "unrepost")
    assert count_new_posts(cleo, shown.id) == {"count": 0, "more": False}
    assert a_post(ana.user).id > place


def test_a_post_that_several_people_repost_is_one_new_post(ana, ben, cleo, as_, monkeypatch):
    dan = as_("dan")
    a_follow(cleo.user, dan.user)
    post = a_post(ana.user)
    for browser in (ben, dan):
        act(browser, post, "repost")
    assert count_new_posts(cleo, 0) == {"count": 1, "more": False}
    monkeypatch.setattr("app.posts.queries.MAX_NEW_POSTS", 1)  # of two entries, the second is not read
    assert count_new_posts(cleo, 0) == {"count": 1, "more": True}


def test_ones_own_reposts_are_exported(store, ana, ben, db, run_jobs):  # noqa: F811
    post = a_post(ana.user)
    act(ben, post, "repost")
    ben.post_form("/export_posts")
    run_jobs()
    assert [row["post"] for row in download(ben, db)["reposts"]] == [post.id]


# --- Timelines of any content


def a_repost(who: User, post_id: int) -> None:
    """A row, as the action makes it on both databases."""
    repost(who, post_id)


@pytest.mark.slow
def test_home_and_profiles_equal_a_simple_query(db, as_, configure):
    """The quick way (floors) against the obvious one, over random communities."""
    configure(POSTS_PER_PAGE=4)
    people = [a_user() for _ in range(8)]
    me, dice = people[0], random.Random(11)
    for round_of in range(5):
        for model in (Follow, Activity, Job, Post):
            db.session.execute(delete(model.__table__))
        followed = dice.sample(people[1:], dice.randint(1, 7))
        db.session.add_all(Follow(follower_id=me.id, followed_id=person.id) for person in followed)
        db.session.commit()
        for _ in range(50):
            who = dice.choices(people, weights=[dice.random() ** 3 for _ in people])[0]
            known = db.session.scalars(select(Post.id)).all()
            if known and dice.random() < 0.6:
                a_repost(who, dice.choice(known))
            else:
                db.session.add(Post(author_id=who.id, body="x"))
            db.session.commit()
        browser = as_(me)
        written = {one.id: one.author_id for one in db.session.scalars(select(Post))}
        reposts = [(one.id, one.user_id, one.post_id) for one in db.session.scalars(select(PostRepost))]
        authors, reposters = {me.id, *(one.id for one in followed)}, {one.id for one in followed}
        expected = [(post_id, post_id) for post_id, author in written.items() if author in authors]
        expected += [(place, post_id) for place, user_id, post_id in reposts if user_id in reposters]
        assert in_pages(browser, "/") == pages_of(expected, 4), round_of
        one = dice.choice(people)
        expected = [(post_id, post_id) for post_id, author in written.items() if author == one.id]
        expected += [(place, post_id) for place, user_id, post_id in reposts if user_id == one.id]
        assert in_pages(browser, f"/user/{one.username}") == pages_of(expected, 4), round_of


def in_pages(browser, path: str) -> list[list[int]]:
    """The posts of each page, by the links between them."""
    pages = []
    while path:
        html = browser.get(path).text
        pages.append(posts_on(html))
        link = re.search(r'rel="next" href="([^"]+)"', html)
        path = link[1] if link else ""
    return pages


def pages_of(entries: list[tuple[int, int]], size: int) -> list[list[int]]:
    """The pages: each begins below the last place of the one before, and has each post once, at its newest place."""
    pages, before = [], 2**31
    while True:
        newest: dict[int, int] = {}
        for place, post_id in entries:
            if place < before:
                newest[post_id] = max(place, newest.get(post_id, 0))
        places = sorted(((place, post_id) for post_id, place in newest.items()), reverse=True)
        pages.append([post_id for _place, post_id in places[:size]])
        if len(places) <= size:
            return pages
        before = places[size - 1][0]


def test_a_page_of_hidden_reposts_leads_on(ana, ben, cleo, as_, configure):
    """A page may be empty, because all of its reposts are of someone the viewer mutes. What is older can be reached."""
    configure(POSTS_PER_PAGE=3)
    first = a_post(ben.user)
    muted = [a_post(ana.user) for _ in range(7)]
    for post in muted:
        act(ben, post, "repost")
    cleo.post_form("/mute/ana")
    assert posts_on(cleo.get("/").text) == []
    assert "Nothing here yet" not in cleo.get("/").text
    assert everything(cleo, "/") == everything(cleo, "/user/ben") == [first.id]
    assert count_new_posts(cleo, 0) == {"count": 1, "more": False}


def test_a_page_of_hidden_reposts_asks_for_posts_that_are_newer_than_these(ana, ben, cleo, configure):
    """Otherwise, "Show n new posts" would count all older posts of the timeline."""
    configure(POSTS_PER_PAGE=2)
    hidden = a_post(ana.user)
    a_post(ben.user)
    cleo.post_form("/mute/ana")
    for post in (hidden, a_post(ana.user), a_post(ana.user)):
        act(ben, post, "repost")
    newest = the_db.session.scalar(select(func.max(PostRepost.id)))
    page = cleo.get("/").text
    assert posts_on(page) == []
    assert f'data-newest="{newest}"' in page
    assert count_new_posts(cleo, newest) == {"count": 0, "more": False}


@pytest.mark.parametrize(("path", "statements"), [("/", 3), ("/user/ben", 3)])
def test_reposts_take_no_more_statements(ana, ben, cleo, queries, path, statements):
    for _ in range(5):
        act(ben, a_post(ana.user), "repost")
    cleo.get(path)
    with queries() as asked:
        assert len(posts_on(cleo.get(path).text)) == 5
    assert len(asked) == statements, asked


@pytest.mark.slow
def test_timelines_read_few_rows_of_many_reposts(db):
    """The plan on both databases: reposts and posts are found by index, with most of them far below the page."""
    people = [a_user() for _ in range(40)]
    me = people[0]
    db.session.add_all(Follow(follower_id=me.id, followed_id=person.id) for person in people[1:20])
    db.session.execute(insert(Post), [{"author_id": one.id, "body": "x"} for one in people for _ in range(50)])
    ids = list(db.session.scalars(select(Post.id).order_by(Post.id)))
    rows = [(one.id, post_id) for one in people for post_id in ids[::11]]
    db.session.execute(
        insert(PostRepost.__table__),
        [
            {"id": ids[-1] + at, "user_id": user_id, "post_id": post_id, "created_at": now()}
            for at, (user_id, post_id) in enumerate(rows, start=1)
        ],
    )
    db.session.commit()
    values = timelines.page_parameters(me, before=None, size=25)
    for query in (home_timeline.home().params(values), timelines.of_author().params(author_id=people[5].id, **values)):
        sql = str(query.compile(the_db.engine, compile_kwargs={"literal_binds": True}))
        if the_db.engine.dialect.name == "sqlite":
            plan = [row[-1] for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
            steps = [step for step in plan if re.search(r"\bpost(_repost)?(_\d+)?\b", step)]
            assert any("ix_post_repost_user_id_id" in step for step in steps), plan
            assert not any(step.startswith("SCAN") or "AUTOMATIC" in step for step in steps), plan
        else:
            db.session.commit()
            with the_db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("ANALYZE post, post_repost, follow")
            plan = "\n".join(row[0] for row in db.session.connection().exec_driver_sql(f"EXPLAIN {sql}"))
            assert "post_repost" in plan
            assert not re.search(r"Seq Scan on post(_repost)?\b", plan), plan


# --- Counters


def test_reposts_of_a_closed_account_are_not_counted_or_shown(app, ana, ben, cleo, db, run_jobs, recount):  # noqa: F811
    post = a_post(ana.user)
    act(ben, post, "repost")
    for command, expected in (("suspend", ""), ("reinstate", "1")):
        result = in_new_context(app.test_cli_runner().invoke, args=["users", command, "ben"])
        assert result.exit_code == 0, result.output
        run_jobs()
        assert button_of(ana.get("/").text, post, "repost")[2] == expected
        assert posts_on(cleo.get("/").text) == [post.id] * bool(expected)
        assert recount() == {"checked": len(counters.STORED), "drift": 0}
    db.session.execute(delete(User).where(User.id == ben.user.id))  # cascades
    db.session.commit()
    assert button_of(ana.get("/").text, post, "repost")[2] == ""
    assert recount()["drift"] == 0


def test_counters_that_drifted_are_put_right(ana, db, recount):  # noqa: F811
    post = a_post(ana.user)
    act(ana, post, "repost")
    db.session.execute(update(PostCount).values(reposts=7))
    db.session.execute(update(PostRepost).values(counted=False))
    db.session.commit()
    assert recount() == {"checked": len(counters.STORED), "drift": 2}
    assert db.session.scalar(select(PostCount.reposts)) == 1


@pytest.mark.slow
def test_clicks_at_once_leave_the_right_count(ana, as_, db, recount):  # noqa: F811
    """Several clients repost, take back and write, while one deletes a post."""
    ids = [a_post(ana.user).id for _ in range(3)]
    browsers = [as_(f"member{number}") for number in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def click(number):
        dice, browser = random.Random(number), browsers[number]
        gate.wait()
        for turn in range(8):
            what = dice.choice(["repost", "unrepost", "repost", "write"])
            form = {"post": f"{number} {turn}", "form_key": f"{number} {turn}"}
            path = "/post" if what == "write" else f"/post/{dice.choice(ids)}/{what}"
            answer = browser.post_form(path, form)
            assert answer.status_code in {303, 404}, answer.text
        if number == 0:
            ana.post_form(f"/post/{ids[0]}/delete")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(click, range(AT_ONCE)))
    stored = dict(db.session.execute(select(PostCount.post_id, PostCount.reposts)).all())
    rows = dict(db.session.execute(select(PostRepost.post_id, func.count()).group_by(PostRepost.post_id)).all())
    assert {post_id: number for post_id, number in stored.items() if number} == rows
    assert db.session.scalar(select(func.count()).where(Activity.kind == "repost")) == sum(rows.values())
    assert ids[0] not in set(db.session.scalars(select(Post.id)))
    places = [*db.session.scalars(select(Post.id)), *db.session.scalars(select(PostRepost.id))]
    assert len(places) == len(set(places))
    assert recount()["drift"] == 0


@pytest.mark.slow
def test_many_clicks_on_one_button_make_one_repost(ana, as_, db):
    post, person = a_post(ana.user), a_user("ben")
    browsers, address = [as_(person) for _ in range(AT_ONCE)], f"/post/{post.id}/repost"
    gate = Barrier(AT_ONCE)

    def click(browser):
        gate.wait()
        return browser.post_form(address).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(click, browsers)) == {303}
    assert db.session.scalars(select(PostCount.reposts)).one() == 1
    assert db.session.scalar(select(func.count(Activity.id))) == 1
