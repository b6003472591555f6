"""A copy of a cookie dies with the login it names, at the next request."""

from __future__ import annotations

import pytest

from app.models import LoginSession
from app.notifications import logins_changed
from tests.accounts.steps import (
    ANOTHER_PASSWORD,
    HOST,
    a_browser,
    is_logged_in,
    link_in,
    log_in,
    stolen_browser,
    the_user,
)
from tests.factories import PASSWORD, a_user


def log_out(client, _others):
    assert client.post_form("/auth/logout").status_code == 303


def log_out_everywhere(client, _others):
    assert client.post_form("/auth/security/logins/end").status_code == 303


def log_out_everywhere_from_another_browser(_client, others):
    log_in(others["browser"])
    others["browser"].post_form("/auth/security/logins/end")


def change_the_password_in_another_browser(_client, others):
    log_in(others["browser"])
    passwords = {"old_password": PASSWORD, "password": ANOTHER_PASSWORD, "password2": ANOTHER_PASSWORD}
    assert others["browser"].post_form("/auth/security/password", passwords).status_code == 303


def reset_the_password(_client, others):
    others["browser"].post_form("/auth/reset_password_request", {"email": "ana@example.org"})
    others["run_jobs"]()
    path = link_in(others["mails"][0])
    new = {"password": ANOTHER_PASSWORD, "password2": ANOTHER_PASSWORD}
    assert others["browser"].post_form(path, new).status_code == 303


def close_the_account(_client, others):
    user = the_user()
    user.active = False
    logins_changed(user.id)
    others["db"].session.commit()


def log_in_again(client, _others):
    log_in(client)


@pytest.mark.parametrize(
    "event",
    [
        log_out,
        log_out_everywhere,
        log_out_everywhere_from_another_browser,
        change_the_password_in_another_browser,
        reset_the_password,
        close_the_account,
        log_in_again,
    ],
)
def test_stolen_session_and_remember_cookies_become_invalid(client, app, db, mails, run_jobs, event):
    a_user("ana")
    log_in(client, remember=True)
    thieves = [
        stolen_browser(client, app),
        stolen_browser(client, app, "microblog_session"),
        stolen_browser(client, app, "microblog_remember"),
    ]
    assert all(is_logged_in(thief) for thief in thieves)  # polls too: the idle answer is in place now
    event(client, {"browser": a_browser(app), "mails": mails, "run_jobs": run_jobs, "db": db})
    for thief in thieves:
        assert thief.get("/notifications").status_code == 401
        assert not is_logged_in(thief)


def test_logout_removes_both_cookies_and_the_login_row(client, db):
    a_user("ana")
    log_in(client, remember=True)
    answer = client.post_form("/auth/logout")
    assert (answer.status_code, answer.location) == (303, "/auth/login")
    assert client.get_cookie("microblog_remember", domain=HOST) is None
    assert db.session.scalar(db.select(db.func.count(LoginSession.id))) == 0
    assert not is_logged_in(client)


def test_logout_requires_post_and_csrf_token(as_):
    client = as_("ana")
    assert client.get("/auth/logout").status_code == 405
    assert client.post("/auth/logout").status_code == 400
    assert is_logged_in(client)


def test_visitor_can_log_out_without_error(client, db):
    assert client.post_form("/auth/logout").status_code == 303


def test_logging_out_everywhere_keeps_logins_of_other_members(as_, client, db):
    ben = as_("ben")
    assert is_logged_in(ben)
    a_user("ana")
    log_in(client)
    client.post_form("/auth/security/logins/end")
    assert is_logged_in(ben)
