from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.models import Follow
from app.queries import follows
from tests.factories import a_follow, a_post, a_user


def count(db):
    return db.session.scalar(select(func.count()).select_from(Follow))


def test_following_adds_posts_to_home_and_unfollowing_removes_them(as_):
    ana = as_("ana")
    a_post(a_user("ben"), "beans are up")
    assert "beans are up" not in ana.get("/").text
    answer = ana.submit("/user/ben", action="/follow/ben")
    assert answer.status_code == 303
    assert "You&#39;re following ben." in ana.follow(answer).text
    assert "beans are up" in ana.get("/").text
    answer = ana.submit("/user/ben", action="/unfollow/ben")
    assert "You unfollowed ben." in ana.follow(answer).text
    assert "beans are up" not in ana.get("/").text


def test_repeated_request_has_no_further_effect(as_, db):
    ana = as_("ana")
    a_user("ben")
    for _again in range(2):
        assert ana.post_form("/follow/ben").status_code == 303
    assert count(db) == 1
    for _again in range(2):
        assert ana.post_form("/unfollow/ben").status_code == 303
    assert count(db) == 0


@pytest.mark.slow
def test_eight_simultaneous_clicks_create_one_follow(as_, db):
    first = as_("ana")
    a_user("ben")
    browsers = [first, *(as_(first.user) for _ in range(7))]
    calls = [(browser, browser.csrf_token()) for browser in browsers]
    db.session.commit()

    def click(call):
        browser, token = call
        return browser.post("/follow/ben", data={"csrf_token": token}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(click, calls)) == {303}
    assert count(db) == 1


@pytest.mark.parametrize("path", ["/follow/ana", "/unfollow/ana"])
def test_members_cannot_follow_themselves(as_, db, path):
    ana = as_("ana")
    answer = ana.post_form(path)
    assert answer.status_code == 303
    assert "yourself" in ana.follow(answer).text
    assert count(db) == 0


@pytest.mark.parametrize("path", ["/follow/nobody", "/unfollow/nobody", "/follow/a%00b"])
def test_following_a_missing_account_returns_404(as_, path):
    assert as_("ana").post_form(path).status_code == 404


def test_request_requires_post_login_and_csrf_token(as_, client, db):
    a_user("ben")
    assert as_("ana").get("/follow/ben").status_code == 405
    assert as_("ana").post("/follow/ben").status_code == 400
    assert "/auth/login" in client.post_form("/follow/ben").headers["Location"]
    assert count(db) == 0


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/explore?before=9", "/explore?before=9"),
        ("https://evil.example/", "/user/ben"),
        ("//evil.example", "/user/ben"),
        ("/\\evil.example", "/user/ben"),
        ("///evil.example", "/user/ben"),
        ("javascript:alert(1)", "/user/ben"),
        ("", "/user/ben"),
    ],
)
def test_next_redirects_back_but_never_to_another_site(as_, target, location):
    ana = as_("ana")
    a_user("ben")
    assert ana.post_form("/follow/ben", {"next": target}).headers["Location"] == location


def test_follow_redirects_to_a_page_with_a_non_ascii_name(as_):
    ana, yuna = as_("ana"), a_user("유나")
    a_follow(yuna, a_user("ben"))
    answer = ana.submit("/user/유나/following", action="/follow/ben")
    assert answer.headers["Location"] == "/user/%EC%9C%A0%EB%82%98/following"


def test_requests_are_rate_limited(as_, rate_limits):
    ana = as_("ana")
    a_user("ben")
    answers = [ana.post_form("/follow/ben").status_code for _ in range(61)]
    assert set(answers[:60]) == {303}
    assert answers[60] == 429


def test_follow_lists_are_paged_and_mark_followed_members(as_, configure, queries):
    configure(POSTS_PER_PAGE=2)
    ana, ben = as_("ana"), a_user("ben")
    people = [a_user(name) for name in ("cleo", "dora", "emil")]
    for person in people:
        a_follow(person, ben)
        a_follow(ben, person)
    a_follow(ana.user, people[2])
    ana.get("/explore")
    with queries() as asked:
        page = ana.get("/user/ben/followers").text
    assert len(asked) == 3, asked  # the viewer, the person, the list
    assert "@emil" in page and "@dora" in page and "@cleo" not in page
    assert 'action="/unfollow/emil"' in page and 'action="/follow/dora"' in page
    assert f"before={people[1].id}" in page
    for kind in ("followers", "following"):
        older = ana.get(f"/user/ben/{kind}?before={people[1].id}").text
        assert "@cleo" in older and "@dora" not in older and 'rel="next"' not in older


def test_suggestions_are_followed_by_members_the_viewer_follows(as_, db):
    ana = as_("ana")
    ben, cleo, dora, emil, finn = (a_user(name) for name in ("ben", "cleo", "dora", "emil", "finn"))
    for follower, followed in [
        (ana.user, ben),
        (ana.user, cleo),
        (ben, dora),
        (cleo, dora),
        (ben, emil),
        (ben, cleo),
        (ben, ana.user),
        (finn, emil),
    ]:
        a_follow(follower, followed)
    assert [person.username for person in follows.suggestions(ana.user.id)] == ["dora", "emil"]
    page = ana.get("/user/ana/following").text
    assert "People you may know" in page and "@dora" in page
    assert "People you may know" not in ana.get("/user/ben/following").text
