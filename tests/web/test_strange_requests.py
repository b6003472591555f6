"""Requests that no browser of ours sends get an answer that no browser minds."""

from __future__ import annotations

import html
import re

import pytest
from flask_login import encode_cookie

from app.web import cookies
from tests.factories import a_post, a_user


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "microblog.test.evil.example"])
def test_unknown_host_header_is_rejected(make_app, host):
    app = make_app(public_url="https://microblog.test")
    answer = app.test_client().get("/auth/login", headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert app.test_client().get("/auth/login", headers={"Host": "microblog.test"}).status_code == 200


def test_a_poll_with_only_the_remember_cookie_sets_no_cookie(as_, app, client):
    ana = as_("ana")
    with app.test_request_context():
        remembered = encode_cookie(_login_of(ana, app))
    client.set_cookie(app.config["REMEMBER_COOKIE_NAME"], remembered, domain="microblog.test")
    answer = client.get("/notifications?since=1")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def _login_of(browser, app):
    cookie = browser.get_cookie(app.config["SESSION_COOKIE_NAME"], domain="microblog.test")
    return cookies.serializer(app).loads(cookie.value)[cookies.LOGIN_KEY]


@pytest.mark.parametrize("before", ["0", "-1", "1e3", "abc", "1.0", "١", "9" * 40, ""])
@pytest.mark.parametrize("path", ["/", "/explore", "/messages", "/search?q=a", "/user/ben"])
def test_invalid_cursor_gets_a_page(as_, db, path, before):
    a_user("ben")
    db.session.commit()
    sign = "&" if "?" in path else "?"
    assert as_("ana").get(f"{path}{sign}before={before}").status_code in {200, 404}


@pytest.mark.parametrize("name", ["a%00b", "..%2f", "a%2fb", "x" * 4000, "%ff%fe", "%F0%9F%98%80"])
def test_invalid_username_is_not_found(as_, name):
    for path in (f"/user/{name}", f"/user/{name}/popup", f"/messages/{name}"):
        assert as_("ana").get(path, follow_redirects=True).status_code == 404, path


@pytest.mark.parametrize(
    "query",
    ["endpoint=x", "self=x", "_method=PUT", "_scheme=javascript&_external=1", "_external=1", "_anchor=x", "username=x"],
)
def test_link_to_older_items_ignores_other_query_parameters(as_, db, configure, query):
    configure(POSTS_PER_PAGE=1)
    ben = a_user("ben")
    a_post(ben, "one word")
    newest = a_post(ben, "one word")
    db.session.commit()
    for path in ("/explore", "/user/ben", "/search?q=%23word%26+one"):
        sign = "&" if "?" in path else "?"
        page = as_("ana").get(f"{path}{sign}{query}")
        [link] = re.findall(r'rel="next" href="([^"]*)"', page.text)
        assert link.startswith(path.partition("?")[0] + "?")
        older = as_("ana").get(html.unescape(link))
        assert f'id="post-{newest.id - 1}"' in older.text
        assert f'id="post-{newest.id}"' not in older.text


@pytest.mark.parametrize("referrer", ["http://[::1", "//[", "http://microblog.test\\@evil.example/", "x" * 5000])
def test_invalid_referrer_is_ignored(as_, db, referrer):
    a_user("ben")
    card = as_("ana").get("/user/ben/popup", headers={"Referer": referrer})
    assert card.status_code == 200
    assert 'name="next"' not in card.text
