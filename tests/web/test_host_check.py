"""Which hosts are served, and what becomes of addresses that nearly exist."""

from __future__ import annotations

import io
import itertools

import pytest
from PIL import Image
from sqlalchemy import select

from app.config import ConfigurationError, Settings
from app.models import LoginSession
from tests.factories import PASSWORD, a_user
from tests.support.sql import everything

OURS = ["blog.example.org", "BLOG.EXAMPLE.ORG", "blog.example.org.", "Blog.Example.org.:8443", "blog.example.org:"]
OURS += ["localhost", "LocalHost:5000", "127.0.0.1:1", "[::1]:5000"]
FOREIGN = ["", "evil.example", "blog.example.org.evil.example", "evilblog.example.org", "blog.example.org,evil.example"]
FOREIGN += ["blog.example.org:x", "blog.example.org:123456", "blog.example.org@evil.example", "blog.example.org/"]
FOREIGN += ["[::2]", "blog.example.org..", "::1", "blog.example.org evil", "blog.example.org:80:80"]
PAGES = ["/auth/login", "/notifications", "/static/000000000000/css/app.css", "/favicon.ico"]


@pytest.fixture
def blog(make_app):
    return make_app(public_url="https://blog.example.org:8443").test_client()


def test_host_is_checked_for_every_kind_of_response(blog):
    for path, host in itertools.product(PAGES, OURS):
        assert blog.get(path, headers={"Host": host}).status_code in {200, 401}, (path, host)
    for path, host in itertools.product(PAGES, FOREIGN):
        answer = blog.get(path, headers={"Host": host})
        assert answer.status_code == 400, host
        assert "evil" not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_idle_poll_for_another_host_is_rejected(make_app, as_, db):
    app = make_app(public_url="http://microblog.test")
    ana = as_("ana", on=app)
    told = ana.get("/notifications").json
    since = max((one["timestamp"] for one in told), default=0)
    poll = f"/notifications?since={since!r}"
    assert ana.get(poll).json == []
    cookie = "; ".join(f"{one.key}={one.value}" for one in ana._cookies.values())
    stranger = app.test_client(use_cookies=False)
    for host, status in (("MICROBLOG.test.", 200), ("evil.example", 400)):
        answer = stranger.get(poll, headers={"Host": host, "Cookie": cookie}, base_url="http://microblog.test")
        assert answer.status_code == status, host


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("https://müller.example", "xn--mller-kva.example"),
        ("https://BLOG.example", "blog.example"),
        ("http://[::2]:5000", "[::2]:5000"),
        ("http://[2001:0DB8:0::1]:5000", "[2001:db8::1]:5000"),
        ("https://blog.example.", "blog.example"),
        ("https://☃.example", "xn--n3h.example"),
    ],
)
def test_host_is_compared_in_the_form_browsers_send(make_app, public_url, host):
    client = make_app(public_url=public_url).test_client()
    assert client.get("/auth/login", headers={"Host": host}).status_code == 200
    assert client.get("/auth/login", headers={"Host": "evil.example"}).status_code == 400


def test_forwarded_host_is_checked_behind_a_proxy(make_app):
    client = make_app(public_url="https://blog.example.org", trusted_proxies=1).test_client()
    for forwarded, status in (("blog.example.org", 200), ("evil.example", 400)):
        headers = {"Host": "127.0.0.1:5000", "X-Forwarded-Host": forwarded}
        assert client.get("/auth/login", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("203.0.113.9:51234", "203.0.113.9"), ("[2001:db8::9]:443", "2001:db8::9"), ("2001:db8::9", "2001:db8::9")],
)
def test_port_added_by_a_proxy_is_removed_from_the_client_address(make_app, db, forwarded, address):
    app = make_app(public_url="http://microblog.test", trusted_proxies=1)
    a_user("ana")
    client = app.test_client()
    fields = {"username": "ana", "password": PASSWORD, "csrf_token": client.csrf_token()}
    answer = client.post("/auth/login", data=fields, headers={"X-Forwarded-For": f"198.51.100.1, {forwarded}"})
    assert answer.status_code == 303
    assert db.session.scalar(select(LoginSession.address)) == address


@pytest.mark.parametrize(
    "url",
    ["https://a.example/b?c=d", "https://a.example/#b", "https:///b", "https://a.example/b//c", "https://a@b.example"],
)
def test_invalid_public_url_is_rejected(url):
    with pytest.raises(ConfigurationError, match="PUBLIC_URL must be a host and perhaps a path"):
        Settings.from_env({"PUBLIC_URL": url})


@pytest.mark.parametrize("url", ["https://a.example/", "https://a.example/blog/", "https://a.example:8443/a/b.c"])
def test_public_url_with_a_path_is_accepted(url):
    assert Settings.from_env({"PUBLIC_URL": url}).site_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/messages/?a=1&b=%2F%0d%0aX:y", "/messages?a=1&b=%2F%0d%0aX:y"),
        ("/user/ben/", "/user/ben"),
        ("/user/b%C3%A9n///", "/user/b%C3%A9n"),
        ("/explore//", "/explore"),
        ("/auth/login/", "/auth/login"),
        ("/user/%5Cevil.example/", "/user/%5Cevil.example"),
    ],
)
def test_trailing_slash_redirects_to_the_page_without_it(client, asked, target):
    for method in (client.get, client.head):
        answer = method(asked)
        assert (answer.status_code, answer.headers.get("Location")) == (308, target)


@pytest.mark.parametrize("asked", ["//evil.example/", "/%2Fevil.example/", "/nothing/", "//", "/\\evil.example/"])
def test_unknown_path_never_redirects_to_another_site(client, asked):
    answer = client.get(asked, base_url="http://microblog.test")
    assert answer.status_code in {404, 308, 302}
    assert not answer.headers.get("Location", "/").startswith(("//", "/\\", "/%5C"))
    assert "evil" not in answer.headers.get("Location", "").removeprefix("http://microblog.test/")[:1]


def test_post_to_a_trailing_slash_is_not_redirected(as_, db):
    a_user("ben")
    ana = as_("ana")
    before = everything()
    assert ana.post_form("/follow/ben/").status_code == 404
    assert everything() == before


def test_favicon_ico_is_served(client):
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.mimetype) == (200, "image/vnd.microsoft.icon")
    assert Image.open(io.BytesIO(answer.data)).info["sizes"] == {(16, 16), (32, 32), (48, 48)}
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert "Set-Cookie" not in answer.headers
