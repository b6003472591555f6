"""One search finds posts, people and tags; people first when the name matches."""

from __future__ import annotations

import pytest

from app.lib.text.search import query_terms
from app.models import Block, Mute
from app.queries import search
from tests.factories import a_follow, a_post, a_user


def people_of(page: str) -> list[str]:
    """The usernames above the posts, in order."""
    section = page.partition('id="found-people"')[2].partition("</section>")[0]
    return [part.partition("<")[0] for part in section.split('<bdi dir="ltr">@')[1:]]


def tags_of(page: str) -> list[str]:
    section = page.partition('class="tag-results"')[2].partition("</nav>")[0]
    return [part.partition("<")[0] for part in section.split("<bdi>#")[1:]]


@pytest.fixture
def ana(as_):
    return as_("ana")


def results(browser, q, **values):
    return browser.get("/search", query_string={"q": q, **values}).text


@pytest.mark.parametrize("q", ["member", "@member", "MEMBER", "mem", "jane", "jané do", "doe jane", "Member jane"])
def test_member_is_found_by_name_and_username(ana, q):
    member = a_user("member", name="Jané Doe")
    a_post(member, "About the tide")
    page = results(ana, q)
    assert people_of(page) == ["member"]
    assert "No results" not in page


@pytest.mark.parametrize("q", ["jane tide", "ember", "#member", "  ", "!!"])
def test_query_that_matches_no_name_finds_no_members(ana, q):
    a_user("member", name="Jané Doe")
    assert people_of(results(ana, q)) == []


def test_exact_username_is_first_and_followed_members_are_second(ana):
    exact = a_user("ben")
    followed = a_user("benedict")
    [a_user(f"ben{number}") for number in range(3)]
    a_follow(ana.user, followed)
    page = results(ana, "ben")
    assert people_of(page)[:2] == [exact.username, followed.username]
    assert len(people_of(page)) == 3
    assert "More people" in page
    assert "@ben2" in results(ana, "ben", **{"in": "people"})


def test_exact_name_is_found_among_many_with_the_same_prefix(ana):
    [a_user(f"mia{number}") for number in range(60)]
    a_user("mia")
    assert people_of(results(ana, "mia"))[0] == "mia"
    [a_user(f"josef{number}") for number in range(60)]
    a_user("x-jose", name="José")
    assert people_of(results(ana, "jose"))[0] == "x-jose"


@pytest.mark.parametrize("blocker", ["ana", "member"])
def test_blocked_members_and_their_tags_are_not_found(ana, db, blocker):
    member = a_user("member")
    a_post(member, "#midsummer")
    pair = (ana.user, member) if blocker == "ana" else (member, ana.user)
    db.session.add(Block(blocker_id=pair[0].id, blocked_id=pair[1].id))
    assert people_of(results(ana, "member")) == []
    assert tags_of(results(ana, "midsummer")) == []


def test_closed_account_and_its_tags_are_not_found(ana, db):
    member = a_user("member")
    a_post(member, "#midsummer")
    member.active = False
    assert people_of(results(ana, "member")) == []
    assert tags_of(results(ana, "mid")) == []


def test_muted_members_are_found_but_their_tags_are_not(ana, db):
    member = a_user("member")
    a_post(member, "#midsummer")
    db.session.add(Mute(muter_id=ana.user.id, muted_id=member.id))
    assert people_of(results(ana, "member")) == ["member"]
    assert tags_of(results(ana, "mid")) == []


def test_tags_are_found_by_prefix_latest_first(ana):
    a_post(ana.user, "#summer #winter")
    a_post(ana.user, "#SummerTime")
    a_post(ana.user, "#été #نرم‌افزار")
    assert tags_of(results(ana, "sum")) == ["SummerTime", "summer"]
    assert tags_of(results(ana, "summer")) == ["summer", "SummerTime"]  # the very word first
    assert tags_of(results(ana, "#ete")) == ["été"]
    assert tags_of(results(ana, "نرمافزار")) == ["نرم‌افزار"]
    assert tags_of(results(ana, "summer time")) == []
    assert 'href="/tag/summer"' in results(ana, "sum")


def test_tags_are_deleted_with_their_post(ana):
    ana.post_form("/post", {"post": "#fleeting"})
    page = results(ana, "fleet")
    assert tags_of(page) == ["fleeting"]
    path = page.partition('action="/post/')[2].partition('"')[0]
    ana.post_form(f"/post/{path}")
    assert tags_of(results(ana, "fleet")) == []


def test_later_result_pages_contain_only_posts(ana, configure):
    configure(POSTS_PER_PAGE=1)
    posts = [a_post(ana.user, f"ana writes {number}") for number in range(3)]
    page = results(ana, "ana", before=posts[2].id)
    assert people_of(page) == []
    assert "ana writes 1" in page
    assert "ana writes 0" not in page


@pytest.mark.parametrize("windows", [(2, 4), (1, 2), (100, 1000)])
def test_postgresql_search_windows_skip_no_post(db, monkeypatch, windows):
    monkeypatch.setattr(search, "WINDOWS", windows)
    ana = a_user("ana")
    posts = [a_post(ana, f"pine {'needle' if number % 3 == 0 else 'cone'}") for number in range(12)]
    for q, step in (("pine", 1), ("needle", 3), ("pine need", 3)):
        expected = [post.id for post in posts[::step]][::-1]
        found, before = [], None
        while True:
            query = search.posts(query_terms(q), before=before, size=2)
            some = [post.id for post in db.session.scalars(query, {"viewer_id": ana.id}).unique()][:2]
            if not some:
                break
            found += some
            before = some[-1]
        assert found == expected
