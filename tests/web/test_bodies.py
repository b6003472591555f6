"""Bodies that are not forms change nothing, on every route that takes a POST."""

from __future__ import annotations

import pytest
from werkzeug.routing.converters import NumberConverter

from tests.factories import a_user
from tests.support.sql import everything

BODIES = {
    "number": ("application/json", "1"),
    "string": ("application/json", '"x"'),
    "list": ("application/json", "[1]"),
    "object": ("application/json", '{"receipts": "y"}'),
    "deep": ("application/json", "[" * 200_000),
    "suffix": ("application/vnd.api+json", "{}"),
    "text": ("text/plain", "receipts=y"),
    "bytes": ("application/octet-stream", "receipts=y"),
    "untyped": ("", "receipts=y"),
    "no body": ("application/json", ""),
}
MALFORMED = {
    "no boundary": ("multipart/form-data", "--x\r\n"),
    "no part": ("multipart/form-data; boundary=x", "receipts=y"),
    "cut off": ("multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb'),
    "not text": ("application/x-www-form-urlencoded", b"receipts=\xff"),
}


def post_routes(app) -> list:
    return [rule for rule in app.url_map.iter_rules() if "POST" in rule.methods]


def address(rule) -> str:
    values = {name: 1 if isinstance(of, NumberConverter) else "ben" for name, of in rule._converters.items()}
    return rule.build(values, False)[1]


@pytest.fixture
def ana(as_, db):
    """A person whose every switch is on, and whose token is good."""
    a_user("ben")
    ana = as_("ana")
    ana.user.receipts = True
    db.session.commit()
    ana.headers = {"X-CSRFToken": ana.csrf_token()}
    return ana


@pytest.mark.one_database
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES)
def test_every_route_rejects_bodies_that_are_not_forms(app, ana, kind, body):
    before = everything()
    for rule in post_routes(app):
        answer = ana.post(address(rule), data=body, content_type=kind, headers=ana.headers)
        assert answer.status_code == 415, f"{rule}: {answer.status}"
    assert everything() == before


@pytest.mark.parametrize(("kind", "body"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_form_is_rejected_and_not_treated_as_empty(app, ana, kind, body):
    before = everything()
    for rule in post_routes(app):
        answer = ana.post(address(rule), data=body, content_type=kind, headers=ana.headers)
        assert answer.status_code in {400, 404, 303, 302}, f"{rule}: {answer.status}"
    for path in ("/privacy", "/notification_settings", "/edit_profile"):
        assert ana.post(path, data=body, content_type=kind, headers=ana.headers).status_code == 400, path
    assert everything() == before


def test_both_form_encodings_and_empty_bodies_are_accepted(ana, db):
    answer = ana.post(
        "/privacy", data={"writable_by": "everyone"}, content_type="multipart/form-data", headers=ana.headers
    )
    assert answer.status_code == 303
    for kind in ("application/x-www-form-urlencoded", "Application/X-WWW-Form-URLEncoded; charset=utf-8"):
        answer = ana.post("/privacy", data="writable_by=everyone", content_type=kind, headers=ana.headers)
        assert answer.status_code == 303, kind
    assert ana.post("/follow/ben", headers=ana.headers).status_code == 303


def test_unknown_url_is_reported_before_the_body_is_checked(ana):
    assert ana.post("/nothing", json=1, headers=ana.headers).status_code == 404
    assert ana.post("/explore", json=1, headers=ana.headers).status_code == 405
