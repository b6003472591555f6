from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.core.time import now
from tests.factories import a_follow, a_post, a_user


def test_profile_shows_member_counts_and_posts_in_three_statements(as_, queries):
    ana = as_(a_user("ana", last_seen=now()))  # seen just now, so nothing is written
    ben = a_user("ben", name="Ben Carter", about_me="Peas & <b>beans</b> https://example.org #garden")
    a_follow(ana.user, ben)
    a_follow(ben, ana.user)
    a_follow(a_user("cleo"), ben)
    for number in range(5):
        a_post(ben, f"post number {number}")
    with queries() as asked:
        page = ana.get("/user/ben")
    assert len(asked) == 3, asked  # the viewer, the person with counts, the posts
    assert page.status_code == 200
    text = " ".join(page.text.split())
    assert "Ben Carter" in text and "@ben" in text
    assert "<b>5</b> posts" in text
    assert "<b>2</b> followers" in text
    assert "<b>1</b> following" in text
    assert "Follows you" in text
    assert "&lt;b&gt;beans&lt;/b&gt;" in text
    assert 'href="https://example.org"' in text
    assert "post number 4" in text
    assert 'action="/unfollow/ben"' in text
    assert 'href="/messages/ben"' in text


def test_own_profile_offers_editing_instead_of_following(as_):
    page = as_("ana").get("/user/ana").text
    assert 'href="/edit_profile"' in page
    assert "/follow/ana" not in page
    assert "/messages/ana" not in page


def test_posts_are_paged_by_keyset(as_, configure):
    configure(POSTS_PER_PAGE=2)
    ana, ben = as_("ana"), a_user("ben")
    posts = [a_post(ben, f"entry-{number}") for number in range(3)]
    first = ana.get("/user/ben").text
    assert "entry-2" in first and "entry-1" in first and "entry-0" not in first
    assert f"before={posts[1].id}" in first
    second = ana.get(f"/user/ben?before={posts[1].id}").text
    assert "entry-0" in second and "entry-1" not in second


@pytest.mark.parametrize("name", ["BEN", "ｂｅｎ"])
def test_username_is_found_in_any_case_and_width(as_, name):
    a_user("ben")
    assert as_("ana").get(f"/user/{name}").status_code == 200


@pytest.mark.parametrize("name", ["nobody", "a%00b", "%ff%fe", "x" * 4000, "a%0d%0ab", "a%2fb"])
@pytest.mark.parametrize("page", ["", "/popup", "/followers", "/following"])
def test_unknown_username_is_not_found(as_, name, page):
    assert as_("ana").get(f"/user/{name}{page}").status_code == 404


def test_closed_account_is_not_found_and_not_counted(as_):
    ana, ben, gone = as_("ana"), a_user("ben"), a_user("gone", active=False)
    a_follow(gone, ben)
    assert ana.get("/user/gone").status_code == 404
    assert ana.get("/avatar/gone/0").status_code == 404
    assert "<b>0</b> followers" in ana.get("/user/ben").text
    assert "gone" not in ana.get("/user/ben/followers").text


@pytest.mark.parametrize("page", ["/user/ben", "/user/ben/popup", "/user/ben/followers", "/edit_profile"])
def test_profile_pages_require_login(client, page):
    a_user("ben")
    answer = client.get(page)
    assert answer.status_code == 302
    assert "/auth/login?next=" in answer.headers["Location"]


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(minutes=1), "today"),
        (timedelta(days=1), "this week"),
        (timedelta(days=6), "this week"),
        (timedelta(days=7), "this month"),
        (timedelta(days=30), "this month"),
        (timedelta(days=31), "a while ago"),
        (timedelta(days=900), "a while ago"),
    ],
)
def test_last_seen_is_shown_in_coarse_steps(as_, time_at_noon, ago, words):
    a_user("ben", last_seen=time_at_noon - ago)
    page = as_("ana").get("/user/ben").text
    assert f"Active {words}" in page


def test_last_seen_can_be_hidden_on_profile_and_hover_card(as_):
    ana = as_("ana")
    a_user("ben", last_seen=now(), show_last_seen=False)
    a_user("cleo", last_seen=now())
    for page in ("", "/popup"):
        assert "Active today" not in ana.get(f"/user/ben{page}").text
        assert "Active today" in ana.get(f"/user/cleo{page}").text


@pytest.fixture
def time_at_noon(monkeypatch):
    """Noon, so that an hour more or less is the same day."""
    noon = datetime(2031, 5, 17, 12, tzinfo=UTC)
    monkeypatch.setattr("app.profiles.queries.now", lambda: noon)
    return noon


def test_hover_card_is_a_fragment_that_takes_two_statements(as_, queries):
    ana = as_("ana")
    a_user("ben", name="Ben <i>", about_me="hello")
    ana.get("/user/ben")  # last_seen is written now, and not in what is counted
    with queries() as asked:
        card = ana.get("/user/ben/popup", headers={"Referer": "http://microblog.test/explore?before=7"})
    assert len(asked) == 2, asked
    assert "<html" not in card.text
    assert "Ben &lt;i&gt;" in card.text
    assert 'action="/follow/ben"' in card.text
    assert 'value="/explore?before=7"' in card.text


@pytest.mark.parametrize("around", ["https://evil.example/x", "http://microblog.test//evil.example", ""])
def test_hover_card_never_redirects_to_another_site(as_, around):
    a_user("ben")
    card = as_("ana").get("/user/ben/popup", headers={"Referer": around})
    assert "evil" not in card.text
    assert 'name="next"' not in card.text


PAYLOADS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{'zq'*3}}", "%(x)s"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_and_descriptions_are_escaped(as_, payload):
    ana = as_("ana")
    a_follow(ana.user, a_user("ben", name=payload, about_me=payload))
    for page in ("/user/ben", "/user/ben/popup", "/user/ana/following"):
        text = ana.get(page).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "zqzqzq" not in text
