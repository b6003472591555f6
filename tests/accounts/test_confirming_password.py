"""Moderation and exports ask for the password again when the login has not proved it for a while."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from app.core.time import now
from app.models import AuditEntry, Job, LoginSession
from tests.factories import PASSWORD, a_user
from tests.moderation.conftest import members, reported  # noqa: F401 - fixtures
from tests.support.forms import fill

FORM = "/auth/confirm_password"
MODERATION = "/moderation"


@pytest.fixture
def age_logins(db):
    """Let the logins of everyone get older."""

    def age_logins(minutes: float) -> None:
        moment = now() - timedelta(minutes=minutes)
        db.session.execute(update(LoginSession).values(password_at=moment, created_at=moment))
        db.session.commit()

    return age_logins


def moderation_routes(app) -> list[tuple[str, str]]:
    """Every route of the moderators, with the methods it takes: from the URL map, so a new one is not forgotten."""
    routes = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(MODERATION):
            path = re.sub(r"<[^>]+>", "1", rule.rule)
            routes += [(method, path) for method in rule.methods & {"GET", "POST"}]
    return routes


def submit_password_form(browser, answer, target: str, password: str = PASSWORD):
    """Fill the form in `answer`, which asks for the password."""
    path, values = fill(answer.text, {"current_password": password}, target, None)
    return path, values, browser.post(path, data=values)


@pytest.mark.slow
def test_moderation_routes_ask_for_the_password_after_an_hour(app, reported, members, age_logins, db):  # noqa: F811
    routes = moderation_routes(app)
    assert len(routes) >= 10
    age_logins(61)
    for method, path in routes:
        answer = members.mia.get(path) if method == "GET" else members.mia.post_form(path, {"words": "be kind"})
        if method == "GET":
            assert answer.status_code == 302, path
            assert urlsplit(answer.location).path == FORM, path
            assert parse_qs(urlsplit(answer.location).query)["next"] == [path]
        else:
            assert answer.status_code == 403, path
            assert 'name="current_password"' in answer.text, path
    assert db.session.scalars(select(AuditEntry)).all() == []
    age_logins(59)
    assert members.mia.get(MODERATION).status_code == 200


def test_members_get_404_on_moderation_routes_and_no_password_form(as_, app, age_logins):
    ana = as_("ana")
    age_logins(61)
    for method, path in moderation_routes(app):
        answer = ana.get(path) if method == "GET" else ana.post_form(path)
        assert answer.status_code == 404, path


def test_page_opens_after_password_confirmation(members, age_logins):  # noqa: F811
    age_logins(61)
    target = f"{MODERATION}/log?person=b%C3%A9n"
    asked = members.mia.get(target)
    answer = members.mia.submit(asked.location, {"current_password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, target)
    assert members.mia.get(target).status_code == 200


def test_form_data_survives_password_confirmation_and_is_not_in_the_url(reported, members, age_logins, db):  # noqa: F811
    words = 'Please be <kinder> & "calm"\r\nto others.'
    path = f"{MODERATION}/{reported.id}/warn"
    assert members.mia.post_form(f"{MODERATION}/{reported.id}/look").status_code == 303
    age_logins(61)
    asked = members.mia.post_form(path, {"words": words})
    _path, _values, wrong = submit_password_form(members.mia, asked, path, "not the password")
    assert wrong.status_code == 422
    form, values, answer = submit_password_form(members.mia, wrong, path)
    assert (answer.status_code, answer.location) == (307, path)
    assert "kinder" not in form + answer.location
    sent = members.mia.post(answer.location, data=values)  # as a browser follows a 307
    assert sent.status_code == 303, sent.text
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.actor_name) == ("warned", "mia")
    assert PASSWORD not in str(vars(entry))


def test_export_asks_for_the_password(as_, age_logins, db, run_jobs):
    ana = as_("ana")
    age_logins(6)
    asked = ana.post_form("/export_posts")
    assert asked.status_code == 403
    assert db.session.scalars(select(Job)).all() == []
    _form, values, answer = submit_password_form(ana, asked, "/export_posts")
    assert (answer.status_code, answer.location) == (307, "/export_posts")
    assert ana.post(answer.location, data=values).status_code == 303
    [job] = db.session.scalars(select(Job).where(Job.owner_id == ana.user.id))
    run_jobs()
    download = f"/tasks/{job.id}/download"
    assert ana.get(download).status_code == 200
    age_logins(6)
    assert urlsplit(ana.get(download).location).path == FORM


def test_crafted_link_to_password_form_posts_nothing(as_, db):
    ana = as_("ana")
    for forged in ("1", "WzEsIi9hdXRoL3NlY3VyaXR5L2xvZ2lucy9lbmQiXQ.AAAA"):
        answer = ana.submit(f"{FORM}?next=/auth/security/logins/end&post={forged}", {"current_password": PASSWORD})
        assert answer.status_code == 303
    answer = ana.submit(f"{FORM}?next=//evil.example", {"current_password": PASSWORD})
    assert answer.location == "/"


def test_password_confirmation_is_valid_in_one_browser_only(as_, age_logins):
    user = a_user("mia", role="moderator")
    one, other = as_(user), as_(user)
    age_logins(61)
    assert one.submit(FORM, {"current_password": PASSWORD}).status_code == 303
    assert one.get(MODERATION).status_code == 200
    assert other.get(MODERATION).status_code == 302


def test_password_confirmation_attempts_are_limited(as_, rate_limits):
    ana = as_("ana")
    statuses = [ana.post_form(FORM, {"current_password": "wrong"}).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_json_client_gets_password_request_as_json(members, age_logins):  # noqa: F811
    age_logins(61)
    answer = members.mia.get(MODERATION, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["error"]) == (403, "Please confirm your password.")
