"""What holds for every address of the site, taken from its own map: new routes are tested by being there."""

from __future__ import annotations

from typing import ClassVar

import pytest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule

from app.jobs import enqueue
from app.models import Activity, UserList
from tests.factories import a_follow, a_message, a_post, a_user
from tests.support.sql import everything

HOSTILE = [
    "nobody",
    "a\0b",
    "..%2f..",
    "%",
    "' OR 1=1 --",
    "x" * 4000,
    "\u202e",
    "💥",
    "0",
    "-1",
    "9" * 30,
    "<script>",
    "{{7*7}}",
]
# Rooms whose doors are open to visitors, pictures, which pages may cache for ever, and a script that browsers look for.
OPEN_TO_VISITORS = {"accounts", "web", "strings", "bootstrap", "static"}
PICTURES = {"profiles.avatar"}
# Mail programs post here without a page. The address is signed; tests/delivery/test_unsubscribe.py holds it to that.
SIGNED = {"delivery.end_mail"}
SCRIPTS = {"delivery.push_worker"}
HEALTH = {"metrics.health"}
READ_BY_MIDDLEWARE = {"polling.poll": {"since"}}  # query parameters that are read before Flask has the request


@pytest.fixture
def site_with_data(db, as_):
    """A small community, and ana's browser; `site_with_data.address(rule)` fills a rule with what exists."""
    ana, ben = as_("ana"), a_user("ben")
    post = a_post(ben)
    a_follow(ana.user, ben)
    message = a_message(ben, ana.user)
    job = enqueue("posts.export", owner=ben, owner_id=ben.id)
    db.session.add(event := Activity(user_id=ana.user.id, kind="follow", subject="1", timestamp=1.5, actor_id=ben.id))
    event.filtered_by = "new_account"
    db.session.add(made := UserList(user_id=ana.user.id, name="Friends"))
    db.session.commit()
    values = {
        "username": "ben",
        "recipient": "ben",
        "post_id": post.id,
        "scheduled_id": 1,
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "image_id": 1,
        "report_id": 1,
        "number": 0,
        "id": job.id,
        "event_id": event.id,
        "token": "token",
        "handle": "handle",
        "list_id": made.id,
        "tag_name": "tea",
        "version": "1",
        "language": "en",
        "filename": "css/bootstrap.min.css",
    }
    ana.address = lambda rule, **other: rule.build({**{a: values[a] for a in rule.arguments}, **other}, False)[1]
    return ana


class WatchedQuery(ImmutableMultiDict):
    """The query parameters of a request. The names that the site asks for are noted in `names_read`."""

    names_read: ClassVar[set[str]] = set()

    def __getitem__(self, key):
        self.names_read.add(key)
        return super().__getitem__(key)

    def __contains__(self, key):
        self.names_read.add(key)
        return super().__contains__(key)

    def getlist(self, key, *arguments, **options):
        self.names_read.add(key)
        return super().getlist(key, *arguments, **options)


@pytest.fixture
def names_read(app, monkeypatch):
    """The names of the query parameters that requests have read since the set was last cleared."""
    monkeypatch.setattr(app.request_class, "parameter_storage_class", WatchedQuery)
    return WatchedQuery.names_read


def rules(app, method) -> list[Rule]:
    found = [rule for rule in app.url_map.iter_rules() if method in rule.methods]
    assert len(found) > 15
    return found


@pytest.mark.slow
def test_no_get_request_changes_data(app, site_with_data):
    before = everything()
    for rule in rules(app, "GET"):
        for _ in range(2):
            status = site_with_data.get(site_with_data.address(rule)).status_code
            assert status < 500, rule
            assert site_with_data.head(site_with_data.address(rule)).status_code == status, rule
        site_with_data.options(site_with_data.address(rule))
    assert everything() == before


@pytest.mark.slow
def test_post_requests_require_a_csrf_token(app, site_with_data, client):
    foreign = client.csrf_token()
    before = everything()
    for rule in rules(app, "POST"):
        if rule.endpoint in SIGNED:
            continue
        address = site_with_data.address(rule)
        assert site_with_data.post(address).status_code == 400, rule
        assert site_with_data.post(address, data={"csrf_token": foreign}).status_code == 400, rule
        assert site_with_data.post(address, json={}).status_code == 415, rule
        assert site_with_data.post(address, data="x", content_type="text/plain").status_code == 415, rule
    assert everything() == before


def test_visitors_see_public_pages_only(app, site_with_data, client):
    for rule in rules(app, "GET"):
        answer = client.get(site_with_data.address(rule))
        is_open = rule.endpoint.partition(".")[0] in OPEN_TO_VISITORS or rule.endpoint in PICTURES | SCRIPTS | HEALTH
        if is_open or answer.status_code == 404:
            continue
        assert answer.status_code in {302, 401}, f"{rule} answers a visitor {answer.status}"


def test_visitors_cannot_change_data(app, site_with_data, client):
    before = everything()
    for rule in rules(app, "POST"):
        if rule.endpoint.partition(".")[0] not in OPEN_TO_VISITORS:
            answer = client.post_form(site_with_data.address(rule))
            assert answer.status_code in {302, 303, 401, 404}, f"{rule}: {answer.status}"
    assert everything() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_invalid_names_in_urls_cause_no_server_error(app, site_with_data, name):
    for rule in rules(app, "GET"):
        for argument in rule.arguments & {"username", "recipient", "token", "id", "version", "language", "tag_name"}:
            status = site_with_data.get(site_with_data.address(rule, **{argument: name})).status_code
            assert status < 500, f"{rule} with {argument}={name!r}"
    for rule in rules(app, "POST"):
        for argument in rule.arguments & {"username", "recipient", "token", "id", "handle"}:
            address = site_with_data.address(rule, **{argument: name})
            assert site_with_data.post_form(address).status_code < 500, f"{rule} with {argument}={name!r}"


@pytest.mark.slow
@pytest.mark.parametrize("value", HOSTILE)
def test_invalid_query_parameters_cause_no_server_error(app, db, site_with_data, names_read, value):
    site_with_data.user.role = "admin"
    db.session.commit()
    found = set()
    for rule in rules(app, "GET"):
        address, tried = site_with_data.address(rule), set()
        names_read.clear()
        site_with_data.get(address)
        names_read.update(READ_BY_MIDDLEWARE.get(rule.endpoint, ()))
        while left := names_read - tried:  # a parameter may be read only if another one is there
            tried |= left
            for query in [{name: value} for name in left] + [dict.fromkeys(tried, value)]:
                answer = site_with_data.get(address, query_string=query)
                assert answer.status_code < 500, f"{rule} with {query}"
        found |= tried
    assert found > {"q", "in", "before", "after", "since", "next", "state", "report", "person", "form_key"}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_invalid_form_fields_cause_no_server_error(app, site_with_data, name):
    fields = dict.fromkeys(
        ("username", "email", "password", "password2", "post", "message", "about_me", "name", "language"), name
    ) | dict.fromkeys(("timezone", "theme", "seq", "read_upto", "form_key", "next", "first", "last"), name)
    fields |= dict.fromkeys(("endpoint", "p256dh", "auth"), name)
    for rule in rules(app, "POST"):
        if rule.endpoint in {"accounts.logout", "accounts.end_all_logins"}:
            continue  # they would end the test's own login
        answer = site_with_data.post_form(site_with_data.address(rule), fields)
        no_provider = rule.endpoint == "posts.translate" and answer.status_code == 503
        assert answer.status_code < 500 or no_provider, f"{rule} with {name!r}"
