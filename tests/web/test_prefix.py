"""The whole site below a path, as https://example.org/blog: nothing that it says leads out of there."""

from __future__ import annotations

import html
import re

import pytest

from tests.factories import PASSWORD, a_follow, a_message, a_post, a_user
from tests.support.client import Browser
from tests.support.forms import fill, forms_of
from tests.support.jobs import run_due_jobs

HOST = "http://microblog.test"
ADDRESS = re.compile(r'([\w-]+)="(/[^"]*)"')  # every attribute that holds a path
NO_PATHS = (
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/blog/../x",
    "blog",
    "/a%2f",
    "/a b",
    "/a,",
    "é",
)


class Visitor:
    """A browser that knows the host alone, and finds that every answer keeps it below the prefix."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def ask(self, method: str, address: str, **kwargs):
        address = address.removeprefix(HOST)
        assert re.match(r"/blog(?![\w-])", address), f"{address} leads out of the site"
        answer = self.browser.open(address, method=method, base_url=HOST, **kwargs)
        for cookie in answer.headers.getlist("Set-Cookie"):
            assert re.search(r"; Path=/blog(;|$)", cookie), cookie
        location = answer.headers.get("Location")
        assert location is None or re.match(r"/blog(?![\w-])", location.removeprefix(HOST)), location
        return answer

    def get(self, address: str, **kwargs):
        return self.ask("GET", address, **kwargs)

    def submit(self, page: str, fields: dict[str, str]):
        where, values = fill(self.get(page).text, fields, page, None)
        return self.ask("POST", where, data=values)


def addresses_in(page: str, *, without: str = "") -> set[str]:
    return {html.unescape(path) for attribute, path in ADDRESS.findall(page) if attribute != without}


@pytest.fixture
def site(make_app):
    return make_app(public_url=f"{HOST}/blog", trusted_proxies=1)


@pytest.fixture
def ana(site, as_, db):
    """Logged in below the prefix, with something on every page."""
    ben = a_user("ben")
    browser = as_("ana", on=site)
    a_follow(browser.user, ben)
    a_follow(ben, browser.user)
    a_post(ben, "A post with #word by @ana")
    a_post(browser.user, "Another one")
    a_message(ben, browser.user)
    a_message(a_user("eve"), browser.user)
    db.session.commit()
    name = site.config["SESSION_COOKIE_NAME"]
    login = browser.get_cookie(name, domain="microblog.test").value
    browser.delete_cookie(name, domain="microblog.test")
    browser.set_cookie(name, login, domain="microblog.test", path="/blog")
    return Visitor(browser)


@pytest.mark.slow
def test_all_links_stay_below_the_prefix(ana):
    seen, waiting = set(), ["/blog/"]
    while waiting:
        address = waiting.pop()
        kind = re.sub(r"\d+", "0", address.partition("?")[0])
        if kind in seen or "/auth/logout" in address:
            continue
        seen.add(kind)
        answer = ana.get(address)
        assert answer.status_code in {200, 302, 303, 308, 405}, f"{address}: {answer.status}"
        if answer.mimetype == "text/html":
            found = addresses_in(answer.text)
            outside = {one for one in found if not re.match(r"/blog(?![\w-])", one)}
            assert not outside, f"{address} names {outside}"
            waiting += sorted(addresses_in(answer.text, without="action"))
        waiting += [answer.headers["Location"]] if "Location" in answer.headers else []
    assert len(seen) > 60, seen
    for page in (
        "/messages/ben",
        "/activity",
        "/auth/security",
        "/privacy",
        "/notification_settings",
        "/service-worker.js",
    ):
        assert f"/blog{page}" in seen


def token(visitor) -> str:
    return re.search(r'name="csrf-token" content="([^"]+)"', visitor.get("/blog/").text)[1]


def test_forms_redirects_and_next_keep_the_prefix(site, ana):
    follow = [one for one in forms_of(ana.get("/blog/user/ben").text) if "unfollow" in one["action"]]
    assert follow[0]["action"] == "/blog/unfollow/ben"
    answer = ana.ask("POST", follow[0]["action"], data=follow[0]["fields"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/blog/user/ben")
    assert ana.submit("/blog/", {"post": "from below"}).headers["Location"].startswith("/blog/")
    data = {"language": "es", "next": "/blog/auth/login?a=1", "csrf_token": token(ana)}
    assert ana.ask("POST", "/blog/language", data=data).headers["Location"] == "/blog/auth/login?a=1"
    for elsewhere in ("/other/page", "/blogger", "//evil.example", "/blog/../other", "/blog/%2e%2E/other", "/"):
        answer = ana.ask("POST", "/blog/language", data={**data, "next": elsewhere})
        assert answer.headers["Location"] == "/blog/", elsewhere


def stripping(inner):
    """A proxy that removes the prefix before it passes a request on."""

    def proxy(environ, start_response):
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/blog") or "/"
        return inner(environ, start_response)

    return proxy


@pytest.mark.slow
@pytest.mark.parametrize("strips", [False, True])
def test_login_redirects_back_below_the_prefix(site, db, strips):
    a_user("cleo")
    db.session.commit()
    if strips:
        site.wsgi_app = stripping(site.wsgi_app)
    visitor = Visitor(site.test_client())
    door = visitor.get("/blog/messages?before=7").headers["Location"]
    assert door == "/blog/auth/login?next=/blog/messages?before%3D7"
    fields = {"username": "cleo", "password": PASSWORD, "remember_me": "y"}
    answer = visitor.submit(door, fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/blog/messages?before=7")
    assert len(answer.headers.getlist("Set-Cookie")) == 3  # session, remember and device; see Visitor.ask
    assert visitor.get("/blog/messages").status_code == 200
    told = visitor.get("/blog/notifications").json
    since = max((one["timestamp"] for one in told), default=0)
    assert visitor.get(f"/blog/notifications?since={since!r}").json == []
    assert visitor.get("/blog/user/cleo/").headers["Location"] == "/blog/user/cleo"
    assert visitor.get("/blog").status_code == 200


def test_idle_poll_works_below_the_prefix(ana, queries):
    since = max(one["timestamp"] for one in ana.get("/blog/notifications").json)
    with queries() as asked:
        assert ana.get(f"/blog/notifications?since={since!r}").json == []
    assert not asked


def test_service_worker_and_assets_are_below_the_prefix(ana):
    page = ana.get("/blog/notification_settings").text
    assert 'data-push-worker="/blog/service-worker.js"' in page
    assert 'fetch("/' not in ana.get("/blog/service-worker.js").text
    sheet = next(one for one in addresses_in(page) if "css/app.css" in one)
    answer = ana.get(sheet)
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert not re.search(r"url\(['\"]?/", answer.text)


def test_links_in_emails_include_the_prefix(site, ana, mails):
    fields = {"email": "ana2@example.org", "current_password": PASSWORD, "csrf_token": token(ana)}
    assert ana.ask("POST", "/blog/auth/security/email", data=fields).status_code == 303
    run_due_jobs(site, advance=60, may_fail=False)
    assert len(mails)
    for mail in mails:
        links = re.findall(r"http://[^\s\"<>)]+", mail.text + mail.html)
        assert links
        assert all(link.startswith(f"{HOST}/blog/") for link in links), links


def redirect_target(app, prefix: str) -> str:
    """Where a visitor of /messages is sent when a proxy says that `prefix` was there."""
    answer = app.test_client().get("/messages", headers={"X-Forwarded-Prefix": prefix}, base_url=HOST)
    return answer.headers["Location"]


def test_proxy_sets_the_prefix_if_public_url_has_no_path(make_app):
    app = make_app(public_url=HOST, trusted_proxies=1)
    for prefix in ("/blog", "/a/blog", "/blog/", "/ignored,/blog"):
        plain = prefix.rpartition(",")[2].rstrip("/")
        assert redirect_target(app, prefix) == f"{plain}/auth/login?next={plain}/messages"
    for prefix in NO_PATHS:
        assert redirect_target(app, prefix) == "/auth/login?next=/messages", prefix


def test_prefix_header_is_ignored_without_a_proxy(make_app):
    app = make_app(public_url=HOST)
    for prefix in ("/blog", *NO_PATHS):
        assert redirect_target(app, prefix) == "/auth/login?next=/messages", prefix


def test_public_url_overrides_the_prefix_of_the_proxy(site):
    for prefix in ("/other", *NO_PATHS):
        assert redirect_target(site, prefix) == "/blog/auth/login?next=/blog/messages", prefix


def test_script_name_of_the_server_is_kept(make_app, db):
    client = make_app(public_url=HOST).test_client()
    answer = client.get("/messages", base_url=f"{HOST}/blog")
    assert answer.headers["Location"] == "/blog/auth/login?next=/blog/messages"
