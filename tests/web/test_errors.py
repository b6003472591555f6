"""Error pages, as a page and as JSON, with the headers of every answer."""

from __future__ import annotations

import pytest
from flask import abort
from sqlalchemy.exc import OperationalError

from app.jobs import enqueue, job
from app.jobs.registry import RETRY_DELAYS
from app.web.error_pages import SENTENCES
from app.web.headers import SECURITY_HEADERS


@pytest.fixture
def visitor(make_app):
    """A browser of an app that has a route for each error."""
    app = make_app(admins=("root@example.org",))

    @app.get("/break/<int:code>")
    def break_it(code):
        if code == 500:
            raise RuntimeError("a fault nobody foresaw")
        if code == 503:
            raise OperationalError("select", {}, Exception("database is locked"))
        abort(code)

    return app.test_client()


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_browser_gets_an_error_page(visitor, code):
    answer = visitor.get(f"/break/{code}", headers={"Accept": "text/html"})
    assert answer.status_code == code
    assert answer.mimetype == "text/html"
    assert "Traceback" not in answer.text
    assert "nobody foresaw" not in answer.text


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_json_client_gets_a_json_error(visitor, code):
    answer = visitor.get(f"/break/{code}", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (code, "application/json")
    assert answer.json["status"] == code
    assert answer.json["error"]


def test_http_503_contains_retry_after(visitor):
    assert int(visitor.get("/break/503").headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/auth/login", "get"),
        ("/auth/login", "post"),
        ("/auth/logout", "get"),
        ("/nothing", "get"),
        ("/notifications", "get"),
        ("/static/000000000000/css/app.css", "get"),
        ("/strings/en-x.json", "get"),
        ("/break/500", "get"),
    ],
)
def test_every_response_has_security_headers(visitor, path, method):
    answer = getattr(visitor, method)(path)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value, name
    answer.close()


def test_private_pages_are_not_cached(as_):
    assert as_("ana").get("/").headers["Cache-Control"] == "no-store"


def test_unexpected_error_is_emailed_to_the_operators_once(visitor, configure, run_jobs, mails):
    configure(ADMINS=("root@example.org",))
    for _ in range(3):
        visitor.get("/break/500")
    run_jobs()
    assert len(mails.to("root@example.org")) == 1
    assert "a fault nobody foresaw" in mails[0].text


def test_form_without_csrf_token_is_rejected(client):
    assert client.post("/auth/login", data={"username": "ana"}).status_code == 400


def test_permanently_failed_job_is_emailed_to_the_operators(db, configure, run_jobs, mails):
    configure(ADMINS=("root@example.org",))
    for _ in range(2):
        failing = enqueue("tests.always_fails")
        failing.attempts = len(RETRY_DELAYS)
        db.session.commit()
        run_jobs(may_fail=True)
    run_jobs()
    assert len(mails.to("root@example.org")) == 1
    assert "tests.always_fails" in mails[0].text


@job("tests.always_fails")
def always_fails():
    raise RuntimeError("no luck")
