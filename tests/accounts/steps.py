"""What people do with accounts, one function for each step."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.accounts import passwords
from app.extensions import db
from app.models import User
from tests.factories import PASSWORD, a_user
from tests.support.client import Browser
from tests.support.smtp import Mail, Mailbox

HOST = "microblog.test"
HOME = "/"
COOKIES = ("microblog_session", "microblog_remember")
ANOTHER_PASSWORD = "granite swallow 41"


def register(client: Browser, username: str = "ana", **fields: Any) -> TestResponse:
    """Fill the form of a new account."""
    email, password = f"{username}@example.org", fields.get("password", PASSWORD)
    values = {"username": username, "email": email, "password": password, "password2": password}
    return client.post_form("/auth/register", {**values, **fields})


def register_and_confirm(
    client: Browser, mails: Mailbox, run_jobs: Callable[..., Any], username: str = "ana", **fields: Any
) -> None:
    """Register and open the link that is emailed."""
    assert register(client, username, **fields).status_code == 303
    run_jobs()
    mail = mails.to(fields.get("email", f"{username}@example.org"))[-1]
    path = link_in(mail)
    assert client.submit(path, action=path).status_code == 303


def log_in(client: Browser, name: str = "ana", password: str = PASSWORD, **options: Any) -> TestResponse:
    """Fill the login form. `remember=True` ticks the box, `next` is where to go then."""
    fields = {"username": name, "password": password} | ({"remember_me": "y"} if options.get("remember") else {})
    query = {"next": options["next"]} if "next" in options else {}
    return client.post_form("/auth/login", fields, query_string=query)


def a_browser(app: Flask) -> Browser:
    """Another browser of nobody."""
    client = app.test_client()
    assert isinstance(client, Browser)
    return client


def is_logged_in(client: Browser) -> bool:
    """Whether a page for members opens, and a poll agrees."""
    page, poll = client.get("/auth/security"), client.get("/notifications")
    assert (page.status_code, poll.status_code) in {(200, 200), (302, 401)}
    return page.status_code == 200


def stolen_browser(client: Browser, app: Flask, *names: str) -> Browser:
    """A thief's browser with copies of the cookies of `client` (of those in `names`)."""
    thief = a_browser(app)
    for name in names or COOKIES:
        cookie = client.get_cookie(name, domain=HOST)
        if cookie is not None:
            thief.set_cookie(name, cookie.value, domain=HOST)
    return thief


def link_in(mail: Mail, site: str = "http://microblog.test") -> str:
    """The path of the link in a mail, which must be on our own site."""
    found = re.search(rf"{re.escape(site)}(/auth/\S+)", mail.text)
    assert found, mail.text
    return found[1]


def the_user(username: str = "ana") -> User:
    """The row as it is now."""
    db.session.expire_all()
    return db.session.query(User).filter_by(username=username).one()


def a_member(username: str = "ana", password: str = PASSWORD, **values: Any) -> User:
    """A person whose password the app has hashed; with `slow_hashes` that takes as long as on a real site."""
    return a_user(username, password_hash=passwords.hash_password(password), **values)


def run_in_thread(function: Callable[[], Any]) -> None:
    """Run `function` in a thread of its own while this one waits: what somebody else does in that moment."""
    with ThreadPoolExecutor(1) as others:
        others.submit(function).result()


def text_of(page: TestResponse) -> str:
    """A page without what differs from request to request."""
    return re.sub(r'name="csrf_token"[^>]*|content="[^"]{60,}"|nonce="[^"]*"', "", page.text)
