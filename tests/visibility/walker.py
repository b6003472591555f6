"""Asking every address of the site there is, with everybody's names and numbers in it.

What a rule's converter stands for is looked up by its name. A rule with a name that nobody knows here fails the test:
whoever adds a route says what other people's values of it are.
"""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.routing import Rule

from app.accounts.queries import public_id
from app.extensions import db
from app.models import (
    Activity,
    AuditEntry,
    Conversation,
    Job,
    LoginSession,
    Message,
    MessageImage,
    Post,
    Report,
    ScheduledPost,
    User,
    UserList,
)
from tests.support.client import Browser

NOBODYS = 987_654  # an id that is in use nowhere
SEQS = 4  # messages of each conversation are asked for one by one: what can be seen, edited, and taken back
KEY = "lanternkey"  # the word by which every secret can be found, and none is
ASKED = {"q": KEY, "after": "0", "revision": "0", "first": "0", "since": "0", "to": "ana", "message": "1"}
ASKED_OTHERWISE = {"q": "ana", "before": "999999", "declined": "1"}
# Files that are everybody's.
OPEN_TO_ALL = {"static", "bootstrap.static"}
# Beside the pages of messages and of moderation.
SHOW_WRITING = {"tasks.download", "lists.show", "posts.search", "posts.tag", "polling.poll", "activity.index"}
# They end logins, the walker's own among them.
FAREWELLS = {"accounts.end_login", "accounts.end_all_logins", "accounts.delete_account", "accounts.logout"}


def _ids(model: Any) -> Callable[[], list[Any]]:
    return lambda: [*db.session.scalars(select(model.id)), NOBODYS]


def _files() -> list[str]:
    rows = db.session.execute(select(MessageImage.file, MessageImage.thumbnail)).all()
    return [name for row in rows for name in row if name]


VALUES: dict[str, Callable[[], list[Any]]] = {
    "conversation_id": _ids(Conversation),
    "seq": lambda: [*db.session.scalars(select(Message.seq).distinct()), NOBODYS],
    "image_id": _ids(MessageImage),
    "report_id": _ids(Report),
    "entry_id": _ids(AuditEntry),
    "event_id": _ids(Activity),
    "post_id": _ids(Post),
    "user_id": _ids(User),
    "id": lambda: [*db.session.scalars(select(Job.id).where(Job.owner_id.is_not(None))), "nobodys"],
    "handle": lambda: [*map(public_id, db.session.scalars(select(LoginSession).limit(2))), "nobodys"],
    "number": lambda: [0, NOBODYS],
    "list_id": _ids(UserList),
    "scheduled_id": _ids(ScheduledPost),
    "tag_name": lambda: [KEY],
    "username": lambda: ["ana", "ben"],
    "recipient": lambda: ["ana", "ben"],
    "filename": _files,
    "token": lambda: ["nobodys"],
    "version": lambda: ["nobodys"],
    "language": lambda: ["en"],
}


@dataclass(frozen=True)
class Answer:
    """What the site said to one question."""

    method: str
    endpoint: str
    path: str
    arguments: dict[str, Any]
    status: int
    said: bytes  # headers and body; of an archive also what is in it

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.endpoint}): {self.status}"


def addresses(app: Flask, method: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every endpoint that takes the method, with every address of it and what was filled in."""
    with app.test_request_context():
        found = [
            (rule.endpoint, _built(app, rule, arguments), arguments)
            for rule in app.url_map.iter_rules()
            if method in (rule.methods or ()) and rule.endpoint not in OPEN_TO_ALL
            for arguments in _fillings(rule)
        ]
    db.session.commit()
    return sorted(found, key=lambda one: one[:2])


def _fillings(rule: Rule) -> Iterator[dict[str, Any]]:
    names = sorted(rule.arguments)
    unknown = set(names) - set(VALUES)
    assert not unknown, f"{rule}: tests/visibility/walker.py does not know what {unknown} could be of other people's"
    if names == ["conversation_id", "seq"]:
        pairs = db.session.execute(select(Message.conversation_id, Message.seq).where(Message.seq < SEQS)).all()
        return (dict(zip(names, pair, strict=True)) for pair in [*pairs, (NOBODYS, 1)])
    return (dict(zip(names, values, strict=True)) for values in itertools.product(*(VALUES[name]() for name in names)))


def _built(app: Flask, rule: Rule, arguments: dict[str, Any]) -> str:
    built = rule.build(arguments)
    assert built is not None, rule
    return built[1]


def get_all(app: Flask, browser: Browser) -> Iterator[Answer]:
    """Ask every address; those that may show what people write in two ways."""
    for endpoint, path, arguments in addresses(app, "GET"):
        lists = _shows_writing(endpoint) and "seq" not in arguments
        for query in (ASKED, ASKED_OTHERWISE) if lists else (ASKED,):
            yield _answer("GET", endpoint, path, arguments, browser.get(path, query_string=query))


def get_what_people_write(app: Flask, browser: Browser) -> Iterator[Answer]:
    """Ask the addresses that may show what people write."""
    for endpoint, path, arguments in addresses(app, "GET"):
        if _shows_writing(endpoint):
            yield _answer("GET", endpoint, path, arguments, browser.get(path, query_string=ASKED))


def _shows_writing(endpoint: str) -> bool:
    return endpoint in SHOW_WRITING or endpoint.startswith(("messages.", "moderation."))


def post_all(app: Flask, browser: Browser, *, farewells: bool = False) -> Iterator[Answer]:
    """Send every form there is to every address that takes one, with a good token; or only to those that end a login,
    which it leaves out otherwise.
    """
    fields = {"csrf_token": browser.csrf_token(), **all_fields()}
    name, domain = app.config["SESSION_COOKIE_NAME"], urlsplit(app.config["SITE_URL"]).hostname or ""
    cookie = browser.get_cookie(name, domain=domain)
    assert cookie is not None
    for endpoint, path, arguments in addresses(app, "POST"):
        if farewells != (endpoint in FAREWELLS):
            continue
        browser.set_cookie(
            name, cookie.value, domain=domain
        )  # without what earlier answers would tell on the next page
        data = {**fields, "form_key": f"walked{path}"[:40]}
        yield _answer("POST", endpoint, path, arguments, browser.post(path, data=data))


def all_fields() -> dict[str, Any]:
    """Every field of every form of the site, filled in so that most of them are good."""
    fields: dict[str, Any] = {"image": [], "alt": ""}
    for form in _subclasses(FlaskForm):
        for name, field in vars(form).items():
            if hasattr(field, "field_class"):
                fields[name] = KNOWN.get(name) or BY_KIND.get(field.field_class.__name__, "walked")
    return fields | KNOWN


# By the kind of field; what stands here is also the first of most choices.
BY_KIND = {"BooleanField": "y", "IntegerField": "1", "FloatField": "1.5", "SelectField": "1", "RadioField": "1"}
KNOWN = {
    "scope": "everybody",
    "visibility": "members",
    "post_visibility": "members",
    "to": "walker",
    "username": "walker",
    "name": "Walked",
    "hours": "1",
    "email": "walker@example.org",
    "password": "not the password",
    "old_password": "not the password",
    "current_password": "not the password",
    "timestamp": "99999999999",
    "seq": "1",
    "message": "1",  # a text, and the number of one that is reported
}


def _subclasses(form: type) -> Iterator[type]:
    for below in form.__subclasses__():
        if below.__module__.startswith("app."):
            yield below
        yield from _subclasses(below)


def _answer(method: str, endpoint: str, path: str, arguments: dict[str, Any], response: Any) -> Answer:
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers).encode()
    return Answer(method, endpoint, path, arguments, response.status_code, headers + b"\n" + unpacked(response.data))


def unpacked(data: bytes) -> bytes:
    """The bytes, and of an archive those of every file in it as well."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"\n".join([data, *(archive.read(name) for name in archive.namelist())])
