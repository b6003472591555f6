"""The first account: an admin on one's own machine, and never a visitor's in production."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.accounts.actions import sign_up
from app.extensions import db as the_db
from app.models import AuditEntry, PendingAccount, User
from tests.accounts.steps import a_browser, is_logged_in, log_in, register_and_confirm, the_user
from tests.accounts.steps import register as fill_in
from tests.factories import PASSWORD
from tests.support.client import in_new_context


def test_first_local_account_is_admin_and_later_ones_are_members(app, db, mails, run_jobs):
    first = a_browser(app)
    assert fill_in(first, "ana").status_code == 303
    assert is_logged_in(first)
    for name in ("ben", "zoe"):
        register_and_confirm(a_browser(app), mails, run_jobs, name)
    assert [the_user(name).role for name in ("ana", "ben", "zoe")] == ["admin", "member", "member"]


def test_first_account_in_production_is_a_member(app, db, mails, run_jobs, configure):
    configure(MICROBLOG_ENV="production")
    register_and_confirm(a_browser(app), mails, run_jobs, "ana")
    assert the_user("ana").role == "member"


def test_rejected_registration_does_not_use_up_the_first_admin(app, db):
    assert fill_in(a_browser(app), "ana", password="short").status_code == 422
    assert fill_in(a_browser(app), "ben").status_code == 303
    assert the_user("ben").role == "admin"


def test_concurrent_first_registrations_create_one_admin(app, db):
    together = Barrier(6)

    def come(number: int) -> None:
        with app.app_context():
            together.wait()
            fields = (f"person{number}", f"person{number}@example.org", PASSWORD)
            sign_up(fields, language="", timezone="", secret="s", first_is_admin=True)
            the_db.session.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(come, range(6)))
    assert [role for (role,) in db.session.query(User.role)] == ["admin"]
    assert db.session.query(PendingAccount).count() == 5


# `flask users create`


@pytest.fixture
def create(app, db):
    """Run `flask users create`; its exit code and what it prints."""

    def run(*words: str, typed: str) -> tuple[int, str]:
        result = in_new_context(app.test_cli_runner().invoke, args=["users", "create", *words], input=typed)
        return result.exit_code, result.output

    return run


def test_operator_can_create_the_first_admin(create, app, db):
    code, said = create("ana", "ana@example.org", "--admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert code == 0
    assert "ana can now log in as an admin." in said
    assert PASSWORD not in said
    assert the_user("ana").role == "admin"
    (entry,) = db.session.query(AuditEntry)
    assert (entry.action, entry.person_id) == ("role", the_user("ana").id)
    browser = a_browser(app)
    assert log_in(browser, "ana").status_code == 303
    assert browser.get("/moderation").status_code == 200


def test_create_command_reads_the_password_from_stdin(create, app, db):
    assert create("ana", "ana@example.org", "--password-stdin", typed=f"{PASSWORD}\n")[0] == 0
    assert the_user("ana").role == "member"
    assert log_in(a_browser(app), "ana").status_code == 303


def test_create_command_validates_like_the_registration_form(create, db):
    for name, email, password, why in (
        ("ana", "ana@example.org", "Passw0rd!", "easy to guess"),
        ("root", "ana@example.org", PASSWORD, "is reserved"),
        ("ana", "nonsense", PASSWORD, "Enter a valid email address"),
    ):
        code, said = create(name, email, "--admin", "--password-stdin", typed=f"{password}\n")
        assert (code, why in said) == (1, True), said
    assert db.session.query(User).count() == 0
