"""Search: every script, the same answers on both engines, and nothing typed is an operator."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from app.lib.text.search import query_terms
from app.models import Post, User
from app.posts.actions import delete as delete_post
from app.posts.actions import publish
from app.queries import search
from tests.factories import a_post, a_user

POSTS = {
    "spanish": "Mañana iré a la École de música",
    "german": "Die Straße ist lang",
    "chinese": "你好世界,今天天气很好",
    "japanese": "東京タワーに行きました",
    "korean": "서울에서 만나요",
    "thai": "สวัสดีชาวโลก",
    "hindi": "नमस्ते दुनिया #हिन्दी",
    "arabic": "مرحبا بالعالم",
    "russian": "Привет, мир",
    "emoji": "good morning ☕",
    "flag": "🇩🇪 gewinnt",
    "tag": "Reading in the sun #summer",
    "percent": "100% of a_b 'quoted' \"double\"",
}


@pytest.fixture
def author(db):
    person = a_user("ana", name="Ana Müller")
    for body in POSTS.values():
        a_post(person, body)
    return person


def find_posts(author, db, q: str) -> set[str]:
    terms = query_terms(q)
    if not terms:
        return set()
    names = {body: name for name, body in POSTS.items()}
    return {names[post.body] for post in db.session.scalars(search.posts(terms), {"viewer_id": author.id}).unique()}


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("manana ecole", {"spanish"}),
        ("ÉCOLE", {"spanish"}),
        ("musi", {"spanish"}),  # the last word may be unfinished
        ("strasse", {"german"}),
        ("世界", {"chinese"}),
        ("世", {"chinese"}),
        ("好", {"chinese"}),
        ("东京", set()),
        ("東京", {"japanese"}),
        ("タワー", {"japanese"}),
        ("서울", {"korean"}),
        ("ชาว", {"thai"}),
        ("हिन्दी", {"hindi"}),
        ("#हिन्दी", {"hindi"}),
        ("مرحبا", {"arabic"}),
        ("мир", {"russian"}),
        ("☕", {"emoji"}),
        ("🇩🇪", {"flag"}),
        ("#summer", {"tag"}),
        ("summer reading", {"tag"}),
        ("summer winter", set()),
        ("100%", {"percent"}),
        ("%", set()),
        ("_", set()),
    ],
)
def test_words_in_every_script_are_found(author, db, q, expected):
    assert find_posts(author, db, q) == expected


OPERATORS = ["AND", "NOT reading", "a OR b", "NEAR(a b)", "search_text: x", "^a", "a*", "a & !b", "x:*", "-", "{a b}"]
SIGNS = ['"', "'", "(", "\\", "'; DROP TABLE post", "\x00", "a\nb", "ſ", "＂"]


@pytest.mark.parametrize("q", [*OPERATORS, *SIGNS])
def test_search_operators_are_treated_as_text(author, as_, q):
    for kind in ("posts", "people"):
        assert as_("ana").get("/search", query_string={"q": q, "in": kind}).status_code == 200


def test_empty_search_finds_nothing_and_runs_no_search(author, as_, queries):
    browser = as_("ana")
    browser.get("/search")  # the first page of a while also writes when one was seen
    with queries() as asked:
        page = browser.get("/search", query_string={"q": "  "})
    assert page.status_code == 200
    assert len(asked) == 1, asked


@pytest.mark.parametrize(("kind", "statements"), [("posts", 4), ("people", 2)])
def test_results_page_takes_few_statements(author, as_, queries, kind, statements):
    browser = as_("ana")
    browser.get("/search")
    with queries() as asked:
        page = browser.get("/search", query_string={"q": "ana" if kind == "people" else "summer", "in": kind})
    assert ("Ana Müller" if kind == "people" else "summer") in page.text
    assert len(asked) == statements, asked


def test_members_are_found_by_name_and_username(author, as_):
    a_user("bruno", name="Зоя")
    browser = as_("ana")
    for q, name in (("muller", "Ana Müller"), ("an", "Ana Müller"), ("зоя", "@bruno"), ("BRUNO", "@bruno")):
        assert name in browser.get("/search", query_string={"q": q, "in": "people"}).text
    assert "@bruno" not in browser.get("/search", query_string={"q": "muller", "in": "people"}).text


def test_search_index_follows_every_change(db):
    ana, ben = a_user("ana"), a_user("ben")
    one, two = a_post(ana, "walnut"), a_post(ben, "walnut tree")
    terms = query_terms("walnut")

    def ids() -> list[int]:
        return [post.id for post in db.session.scalars(search.posts(terms), {"viewer_id": ana.id}).unique()]

    assert ids() == [two.id, one.id]
    delete_post(ana, one)
    db.session.commit()
    assert ids() == [two.id]
    two.search_text = "hazelnut"
    db.session.commit()
    assert ids() == []
    two.search_text = "walnut"
    db.session.commit()
    db.session.execute(delete(User).where(User.id == ben.id))  # the posts go by cascade
    db.session.commit()
    assert ids() == []
    assert db.session.scalars(select(Post)).all() == []


def test_a_published_post_keeps_its_id_and_is_found(db):
    ana = a_user("ana")
    posts = [publish(ana, f"chestnut {number}") for number in range(3)]
    db.session.commit()
    assert len({post.id for post in posts}) == 3
    found = db.session.scalars(search.posts(query_terms("chestnut")), {"viewer_id": ana.id})
    ids = [post.id for post in found.unique()]
    assert ids == [post.id for post in reversed(posts)]


def test_post_search_results_are_paged_newest_first(as_, configure):
    configure(POSTS_PER_PAGE=2)
    ana = a_user("ana")
    posts = [a_post(ana, f"pine number{n}") for n in range(5)]
    browser = as_(ana)
    first = browser.get("/search?q=pine").text
    assert "number4" in first
    assert "number3" in first
    assert "number2" not in first
    assert f"before={posts[3].id}" in first
    second = browser.get(f"/search?q=pine&before={posts[3].id}").text
    assert "number2" in second
    assert "number1" in second
    last = browser.get(f"/search?q=pine&before={posts[1].id}").text
    assert "number0" in last
    assert 'rel="next"' not in last


def test_posts_of_a_closed_account_are_not_found(author, as_, db):
    author.active = False
    db.session.commit()
    assert "sun" not in as_("ben").get("/search?q=summer").text.partition("<main")[2]
