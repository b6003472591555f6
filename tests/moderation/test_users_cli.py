"""`flask users`, as the operator types it."""

from __future__ import annotations

import pytest

from app.models import LoginSession, User
from tests.accounts.steps import a_browser, log_in
from tests.factories import PASSWORD, a_user
from tests.moderation.conftest import audit_log
from tests.support.client import in_new_context


@pytest.fixture
def flask_users(app, db):
    """Run a command; its exit code and what it prints."""

    def run(*words: str) -> tuple[int, str]:
        result = in_new_context(app.test_cli_runner().invoke, args=["users", *words])
        return result.exit_code, result.output

    return run


def person(db, name: str) -> User:
    return db.session.query(User).filter_by(username=name).one()


def test_accounts_can_be_listed_and_shown(flask_users, db):
    a_user("ana", role="admin")
    a_user("ben")
    assert flask_users("list") == (0, "ana\tadmin\tactive\nben\tmember\tactive\n")
    assert flask_users("list", "--role", "admin") == (0, "ana\tadmin\tactive\n")
    code, text = flask_users("show", "BEN")
    assert code == 0
    assert "username:   ben" in text and "ben@example.org" in text and "last login: never" in text


def test_role_change_is_applied_and_logged(flask_users, db, as_):
    ana = as_("ana")
    assert ana.get("/moderation").status_code == 404
    assert flask_users("role", "ana", "moderator") == (0, "ana now has the role moderator.\n")
    assert ana.get("/moderation").status_code == 200
    assert audit_log(db) == [("", "role", "ana")]
    page = ana.get("/moderation/log").text
    assert "The operator changed" in page and "role to moderator" in page
    assert flask_users("role", "ana", "moderator") == (1, "Error: This person already has that role.\n")
    assert flask_users("role", "ana", "emperor")[0] == 2
    assert audit_log(db) == [("", "role", "ana")]


def test_account_can_be_suspended_and_reinstated(flask_users, db, app, as_):
    ana = as_(a_user("ana", role="admin"))
    assert flask_users("suspend", "ana") == (0, "ana is now suspended.\n")
    assert ana.get("/").status_code == 302
    assert db.session.query(LoginSession).count() == 0
    assert "This account is suspended." in log_in(a_browser(app), "ana", PASSWORD).text
    assert flask_users("suspend", "ana") == (1, "Error: This account is already suspended.\n")
    assert "suspended since" in flask_users("show", "ana")[1]
    assert flask_users("reinstate", "ana") == (0, "ana is no longer suspended.\n")
    assert flask_users("reinstate", "ana") == (1, "Error: This account isn't suspended.\n")
    assert log_in(a_browser(app), "ana", PASSWORD).status_code == 303
    assert person(db, "ana").suspended_at is None
    assert audit_log(db) == [("", "suspended", "ana"), ("", "reinstated", "ana")]


@pytest.mark.parametrize("words", [("show", "x"), ("role", "x", "admin"), ("suspend", "x"), ("reinstate", "x")])
def test_unknown_username_is_an_error(flask_users, words):
    assert flask_users(*words) == (1, "Error: No account is named x.\n")
