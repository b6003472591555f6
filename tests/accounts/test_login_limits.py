"""Guessing passwords: one counter for an account, and browsers that logged in before are not locked out."""

from __future__ import annotations

import itertools

import pytest

from tests.accounts.steps import (
    ANOTHER_PASSWORD,
    HOST,
    a_browser,
    is_logged_in,
    link_in,
    log_in,
    text_of,
)
from tests.factories import PASSWORD, a_user

DEVICE = "microblog_device"
WRONG = "not the password"
pytestmark = pytest.mark.usefixtures("rate_limits")
_addresses = (f"203.0.113.{number}" for number in itertools.cycle(range(250)))


def attempt_login(app, name: str, password: str = WRONG, *, browser=None):
    """One attempt, from an address of its own."""
    guesser = browser or a_browser(app)
    fields = {"username": name, "password": password, "csrf_token": guesser.csrf_token()}
    return guesser.post("/auth/login", data=fields, environ_overrides={"REMOTE_ADDR": next(_addresses)})


def lock_account(app, name: str = "ana") -> None:
    for _ in range(10):
        attempt_login(app, name)


def known_browser(app, password: str = PASSWORD):
    """A browser that has logged in to ana's account, and out again."""
    browser = a_browser(app)
    assert log_in(browser, "ana", password).status_code == 303
    browser.post_form("/auth/logout")
    assert not is_logged_in(browser)
    return browser


def test_username_and_email_address_share_a_login_limit(app, db):
    a_user("ana")
    for number in range(10):
        assert attempt_login(app, ["ana", "ana@example.org", "ANA", "Ana@Example.org"][number % 4]).status_code == 422
    for name in ("ana", "ana@example.org"):
        stranger = a_browser(app)
        assert attempt_login(app, name, PASSWORD, browser=stranger).status_code == 422
        assert not is_logged_in(stranger)


def test_login_limit_does_not_reveal_whose_email_address_it_is(app, db):
    """The answers for the address of the locked account, for another one's and for nobody's are the same."""
    a_user("ana")
    a_user("ben")
    lock_account(app)
    answers = {name: attempt_login(app, name) for name in ("ana@example.org", "ben@example.org", "nobody@example.org")}
    assert {answer.status_code for answer in answers.values()} == {422}
    texts = {text_of(answer).replace(name, "NAME") for name, answer in answers.items()}
    assert len(texts) == 1
    headers = [
        {key for key in dict(answer.headers) if key.startswith(("X-RateLimit", "Retry"))} for answer in answers.values()
    ]
    assert headers[0] == headers[1] == headers[2]


def test_attempts_by_strangers_do_not_lock_out_a_known_browser(app, db):
    a_user("ana")
    mine = known_browser(app)
    lock_account(app)
    assert attempt_login(app, "ana").status_code == 429
    for name in ("ana", "ana@example.org"):
        assert attempt_login(app, name, PASSWORD, browser=mine).status_code == 303


def test_known_browser_has_its_own_login_limit(app, db):
    a_user("ana")
    mine, other = known_browser(app), known_browser(app)
    statuses = [attempt_login(app, "ana", browser=mine).status_code for _ in range(12)]
    assert statuses == [422] * 10 + [429] * 2
    assert attempt_login(app, "ana", PASSWORD, browser=other).status_code == 303
    assert attempt_login(app, "ana", PASSWORD).status_code == 303  # and it fills no other


def test_known_browser_is_trusted_for_its_own_account_only(app, db):
    a_user("ana")
    a_user("ben")
    ben = a_browser(app)
    log_in(ben, "ben")
    ben.post_form("/auth/logout")
    lock_account(app)
    assert attempt_login(app, "ana", PASSWORD, browser=ben).status_code == 429


def test_two_accounts_can_share_a_known_browser(app, db):
    a_user("ana")
    a_user("ben")
    shared = known_browser(app)
    log_in(shared, "ben")
    shared.post_form("/auth/logout")
    lock_account(app, "ana")
    lock_account(app, "ben")
    for name in ("ana", "ben"):
        assert attempt_login(app, name, PASSWORD, browser=shared).status_code == 303
        shared.post_form("/auth/logout")


@pytest.mark.parametrize("change", ["x{}", "{}x", "", "e30.AAAA", "x" * 3900])
def test_forged_device_cookie_is_ignored(app, db, change):
    a_user("ana")
    mine = known_browser(app)
    lock_account(app)
    value = mine.get_cookie(DEVICE, domain=HOST).value
    mine.set_cookie(DEVICE, change.format(value), domain=HOST)
    assert attempt_login(app, "ana", PASSWORD, browser=mine).status_code == 429


def test_device_cookie_does_not_log_in(app, db):
    a_user("ana")
    value = known_browser(app).get_cookie(DEVICE, domain=HOST).value
    thief = a_browser(app)
    thief.set_cookie(DEVICE, value, domain=HOST)
    assert not is_logged_in(thief)
    assert attempt_login(app, "ana", browser=thief).status_code == 422


@pytest.mark.slow
def test_device_cookie_remains_valid_after_password_change(app, db, client):
    a_user("ana")
    mine = known_browser(app)
    elsewhere = a_browser(app)
    log_in(elsewhere)
    new = {"password": ANOTHER_PASSWORD, "password2": ANOTHER_PASSWORD}
    assert elsewhere.post_form("/auth/security/password", {"old_password": PASSWORD, **new}).status_code == 303
    lock_account(app)
    assert attempt_login(app, "ana", ANOTHER_PASSWORD, browser=mine).status_code == 303


def test_password_reset_works_while_login_is_locked(app, db, mails, run_jobs):
    a_user("ana")
    lock_account(app)
    lock_account(app)
    browser = a_browser(app)
    browser.post_form("/auth/reset_password_request", {"email": "ana@example.org"})
    run_jobs()
    new = {"password": ANOTHER_PASSWORD, "password2": ANOTHER_PASSWORD}
    assert browser.post_form(link_in(mails[0]), new).status_code == 303
    assert attempt_login(app, "ana", ANOTHER_PASSWORD, browser=browser).status_code == 303


def test_reset_limit_of_strangers_does_not_affect_a_known_browser(app, db, mails, run_jobs):
    a_user("ana")
    mine, ask = known_browser(app), {"email": "Ana@example.org"}
    for _ in range(5):
        assert a_browser(app).post_form("/auth/reset_password_request", ask).status_code == 303
    assert a_browser(app).post_form("/auth/reset_password_request", ask).status_code == 429
    before = len(mails)
    for status in (303,) * 5 + (429,):
        assert mine.post_form("/auth/reset_password_request", ask).status_code == status
        run_jobs()
    assert len(mails) > before
    other = {"email": "ben@example.org"}
    for status in (303,) * 5 + (429,):  # its cookie is for one account
        assert mine.post_form("/auth/reset_password_request", other).status_code == status


def test_known_and_unknown_names_cost_the_same_statements(app, db, queries):
    a_user("ana")
    asked = []
    for name in ("nobody", "ana", "nobody@example.org", "ana@example.org"):
        browser = a_browser(app)
        browser.csrf_token()
        with queries() as statements:
            attempt_login(app, name, browser=browser)
        asked.append([one.split()[:3] for one in statements])
    assert asked[0] == asked[1] == asked[2] == asked[3]


def test_login_works_without_redis(app, db, valkey):
    a_user("ana")
    mine = known_browser(app)
    valkey.stop()
    assert attempt_login(app, "ana", PASSWORD, browser=mine).status_code == 303
    assert attempt_login(app, "ana", PASSWORD).status_code == 303
