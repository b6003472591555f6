"""The languages that a member reads: which lists leave out other posts, and which don't."""

from __future__ import annotations

import json
import random
import re

import pytest
from sqlalchemy import insert

from app.extensions import db as the_db
from app.lib.text.languages import known_languages
from app.models import Mute, Post, User
from app.privacy import export
from app.privacy.actions import MAX_LANGUAGES
from app.queries import languages, timelines
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_timelines import everything, posts_on
from tests.privacy.conftest import submit_action

LISTS = ("/explore", "/tag/tea", "/search?q=kestrel")
BODY = "kestrel #tea"


def choose(browser, *codes: str) -> None:
    assert browser.post_form("/privacy/languages", {"reading": [*codes, ""]}).status_code == 303


def stored(db, browser) -> str:
    return db.session.get_one(User, browser.user.id, populate_existing=True).reading_languages


@pytest.fixture
def posts(ana, as_, db):
    """Posts by Cleo, whom Ana follows, by language; and one by Ana herself, in Greek."""
    cleo = as_("cleo")
    a_follow(ana.user, cleo.user)
    found = {code: a_post(cleo.user, BODY, language=code).id for code in ("en", "es", "ar", "", "zh", "zh_Hant")}
    return found | {"own": a_post(ana.user, BODY, language="el").id}


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        ((), {"en", "es", "ar", "", "zh", "zh_Hant", "own"}),
        (("es",), {"es", "", "own"}),
        (("es", "en", "es"), {"es", "en", "", "own"}),
        (("mt",), {"", "own"}),
        (("zh_Hant",), {"zh_Hant", "zh", "", "own"}),
        (("zh_Hans",), {"zh", "", "own"}),
        (("zh",), {"zh", "zh_Hant", "", "own"}),
        (("el",), {"", "own"}),
    ],
)
def test_lists_leave_out_other_languages(ana, posts, chosen, seen):
    choose(ana, *chosen)
    expected = sorted((posts[code] for code in seen), reverse=True)
    for path in LISTS:
        answer = ana.get(path).text
        assert posts_on(answer) == expected, path
        assert ("languages you don&#39;t read" in answer) == bool(chosen), path
    everything_there = sorted(posts.values(), reverse=True)
    assert posts_on(ana.get("/").text) == everything_there
    assert posts_on(ana.get("/user/cleo").text) == [one for one in everything_there if one != posts["own"]]
    for post_id in posts.values():
        assert posts_on(ana.get(f"/post/{post_id}").text) == [post_id]


def test_new_posts_counted_on_home_are_those_that_home_shows(ana, posts):
    choose(ana, "mt")
    shown = posts_on(ana.get("/").text)
    assert ana.get("/timeline/news?after=0").json["count"] == len(shown) == len(posts)


def test_threads_bookmarks_and_events_show_all_languages(ana, as_, posts):
    cleo = as_("cleo")
    choose(ana, "mt")
    answer = cleo.post_form(f"/post/{posts['own']}/reply", {"post": "Γεια", "language": "el"})
    reply = int(answer.headers["Location"].rpartition("-")[2])
    assert posts_on(ana.get(f"/post/{posts['own']}").text) == [posts["own"], reply]
    assert 'data-kind="reply"' in ana.get("/activity").text
    ana.post_form(f"/post/{posts['es']}/bookmark")
    assert posts_on(ana.get("/bookmarks").text) == [posts["es"]]


def test_languages_are_of_one_member(ana, as_, posts):
    choose(ana, "mt")
    dora = as_("dora")
    for path in LISTS:
        assert posts_on(dora.get(path).text) == sorted(posts.values(), reverse=True), path


def test_chosen_language_shows_nothing_that_is_hidden(ana, as_, db):
    """Blocks, mutes, levels and replies hide posts in the viewer's languages as they do without them."""
    people = {name: as_(name) for name in ("blocked", "blocks", "muted", "gone", "open")}
    posts = {name: a_post(browser.user, BODY, language="es").id for name, browser in people.items()}
    restricted = [
        a_post(browser.user, BODY, language="es", visibility=level).id
        for browser in (people["open"],)
        for level in ("followers", "mentioned")
    ]
    own = a_post(ana.user, BODY, language="es", visibility="followers").id
    people["open"].post_form(f"/post/{posts['open']}/reply", {"post": BODY, "language": "es"})
    submit_action(ana, "block", "blocked")
    submit_action(people["blocks"], "block", "ana")
    submit_action(ana, "mute", "muted")
    people["gone"].user.active = False
    db.session.commit()
    before = {path: posts_on(ana.get(path).text) for path in LISTS}
    choose(ana, "es")
    for path in LISTS:
        assert posts_on(ana.get(path).text) == before[path], path
    assert posts_on(ana.get("/explore").text) == [posts["open"]]
    assert not {*restricted, own} & set(before["/explore"])


@pytest.mark.parametrize("seed", range(2))
def test_pages_of_chosen_languages_equal_a_simple_query(ana, db, configure, seed):
    configure(POSTS_PER_PAGE=3)
    dice, people = random.Random(seed), [ana.user, *(a_user() for _ in range(3))]
    db.session.add(Mute(muter_id=ana.user.id, muted_id=people[3].id))
    codes = ["en", "es", "ar", ""]
    rows = [
        {"author_id": dice.choice(people).id, "body": "x", "search_text": "x", "language": dice.choice(codes)}
        for _ in range(40)
    ]
    db.session.execute(insert(Post), rows)
    db.session.commit()
    choose(ana, "es", "ar")
    posts = db.session.query(Post).order_by(Post.id.desc()).all()
    expected = [
        post.id
        for post in posts
        if post.author_id != people[3].id and (post.language in {"es", "ar", ""} or post.author_id == ana.user.id)
    ]
    assert everything(ana, "/explore") == expected
    assert posts_on(ana.get(f"/search?q=x&before={expected[4]}").text) == expected[5:8]


def test_explore_reads_an_index_and_needs_no_more_statements(ana, posts, queries, configure):
    choose(ana, "es", "en")
    ana.get("/explore")
    with queries() as asked:
        ana.get("/explore")
    assert len(asked) == 2, asked
    if the_db.engine.dialect.name == "sqlite":
        viewer = the_db.session.get_one(User, ana.user.id, populate_existing=True)
        query, values = languages.explore(viewer)
        values = values | timelines.page_parameters(viewer, before=None, size=25)
        sql = str(query.params(values).compile(the_db.engine, compile_kwargs={"literal_binds": True}))
        plan = [row[-1] for row in the_db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        assert len([step for step in plan if "ix_post_open_roots_language" in step]) == 3  # es, en and ""
        assert all(step.startswith("SEARCH") for step in plan if " post " in f"{step} "), plan


def test_form_offers_likely_languages_and_adds_others(ana, db):
    page = ana.get("/privacy").text
    offered = set(re.findall(r'type="checkbox" name="reading"[^>]* value="(\w+)"', page))
    assert "en" in offered
    assert "mt" not in offered
    assert re.search(r'<option value="mt">Maltese</option>', page)
    choose(ana, "mt", "en")
    assert stored(db, ana) == "en,mt"
    page = ana.get("/privacy").text
    assert set(re.findall(r'name="reading"[^>]* value="(\w+)" checked', page)) == {"en", "mt"}
    assert '<option value="mt">' not in page
    choose(ana)
    assert stored(db, ana) == ""


@pytest.mark.parametrize("codes", [["xx_unknown"], ["es", "<b>"], sorted(known_languages())[: MAX_LANGUAGES + 1]])
def test_invalid_languages_are_rejected(ana, db, codes):
    choose(ana, "es")
    assert "Changes saved." in ana.get("/privacy").text
    answer = ana.post_form("/privacy/languages", {"reading": codes})
    assert "Choose" in ana.follow(answer).text.partition('class="alert')[2][:400]
    assert stored(db, ana) == "es"


def test_all_allowed_languages_fit(ana, db):
    codes = sorted(known_languages(), key=len)[-MAX_LANGUAGES:]
    choose(ana, *codes)
    assert stored(db, ana).split(",") == sorted(codes)
    assert ana.get("/explore").status_code == 200


def test_languages_are_exported(ana, db):
    for codes in ((), ("ar", "es")):
        choose(ana, *codes)
        db.session.expire_all()
        [piece] = export.pieces(ana.user.id)
        assert json.loads(piece.text)["reading_languages"] == list(codes)


def test_saving_languages_needs_a_login_and_a_token(ana, client):
    assert client.post_form("/privacy/languages").status_code == 302
    assert ana.post("/privacy/languages").status_code == 400
