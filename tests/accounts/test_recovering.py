"""Reset your password by mail."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from itsdangerous import URLSafeSerializer

from app.accounts import link_tokens, passwords
from app.core.time import now
from app.models import Job, MailToken
from tests.accounts.steps import (
    ANOTHER_PASSWORD,
    a_browser,
    is_logged_in,
    link_in,
    log_in,
    run_in_thread,
    text_of,
    the_user,
)
from tests.factories import PASSWORD, a_user

NEW = {"password": ANOTHER_PASSWORD, "password2": ANOTHER_PASSWORD}
DEAD = "/auth/reset_password_request"


@pytest.fixture
def request_reset_link(client, run_jobs, mails):
    """Ask for a link to `address`; gives the path of the newest one."""

    def asking(address="ana@example.org"):
        assert client.post_form("/auth/reset_password_request", {"email": address}).status_code == 303
        run_jobs()
        return link_in(mails.to(address)[-1])

    return asking


def is_invalid_link(browser, path):
    shown, sent = browser.get(path), browser.post_form(path, NEW)
    assert (shown.status_code, shown.location) == (sent.status_code, sent.location) == (303, DEAD)
    assert "has expired" in browser.get(DEAD).text
    return True


def test_forgotten_password_can_be_reset_by_email(client, db, mails, run_jobs):
    a_user("ana")
    answer = client.submit("/auth/reset_password_request", {"email": "Ana@Example.ORG"})
    assert (answer.status_code, answer.location) == (303, "/auth/login")
    run_jobs()
    [mail] = mails.to("ana@example.org")
    assert "@ana" in mail.text and "@ana" in mail.html
    path = link_in(mail)
    assert f"http://microblog.test{path}" in mail.html
    answer = client.submit(path, NEW)
    assert (answer.status_code, answer.location) == (303, "/auth/login")
    assert log_in(client, "ana", PASSWORD).status_code == 422
    assert log_in(client, "ana", ANOTHER_PASSWORD).status_code == 303
    run_jobs()
    assert "password was changed" in mails.to("ana@example.org")[-1].subject


def test_opening_a_reset_link_changes_nothing(client, db, request_reset_link):
    a_user("ana")
    path = request_reset_link()
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert client.post_form(path, NEW).status_code == 303


def test_reset_link_works_once(client, app, db, request_reset_link):
    a_user("ana")
    path = request_reset_link()
    client.post_form(path, NEW)
    assert is_invalid_link(a_browser(app), path)
    assert log_in(client, "ana", ANOTHER_PASSWORD).status_code == 303


def test_rejected_password_does_not_use_up_the_reset_link(client, db, request_reset_link):
    a_user("ana")
    path = request_reset_link()
    for bad in ({"password": "short", "password2": "short"}, {**NEW, "password2": "other"}, {"password": "x"}):
        assert client.post_form(path, bad).status_code == 422
    assert client.post_form(path, NEW).status_code == 303


def test_reset_link_opened_in_two_browsers_at_once_works_in_one(client, app, db, request_reset_link, monkeypatch):
    a_user("ana")
    path, right = request_reset_link(), passwords.hash_password
    second = []

    def slowly_hashed(password):
        monkeypatch.setattr(passwords, "hash_password", right)
        run_in_thread(lambda: second.append(a_browser(app).post_form(path, NEW)))
        return right(password)

    monkeypatch.setattr(passwords, "hash_password", slowly_hashed)
    first = client.post_form(path, {"password": "another one 7", "password2": "another one 7"})
    assert (first.location, second[0].location) == (DEAD, "/auth/login")
    assert log_in(client, "ana", ANOTHER_PASSWORD).status_code == 303


def test_newer_reset_link_invalidates_the_older_one(client, db, request_reset_link):
    a_user("ana")
    old, new = request_reset_link(), request_reset_link()
    assert old != new
    assert is_invalid_link(client, old)
    assert client.post_form(new, NEW).status_code == 303


def test_login_invalidates_the_reset_link(client, app, db, request_reset_link):
    a_user("ana")
    path = request_reset_link()
    log_in(a_browser(app))
    assert is_invalid_link(client, path)


def test_password_change_invalidates_the_reset_link(client, as_, db, request_reset_link):
    ana = as_("ana")
    path = request_reset_link()
    ana.post_form("/auth/security/password", {"old_password": PASSWORD, **NEW})
    assert is_invalid_link(client, path)


def test_email_address_change_invalidates_the_reset_link(client, as_, db, request_reset_link, run_jobs, mails):
    ana = as_("ana")
    path = request_reset_link()
    ana.post_form("/auth/security/email", {"email": "new@example.org", "current_password": PASSWORD})
    run_jobs()
    ana.post_form(link_in(mails.to("new@example.org")[0]))
    assert the_user().email == "new@example.org"
    assert is_invalid_link(client, path)


def test_closing_the_account_invalidates_the_reset_link(client, db, request_reset_link):
    user = a_user("ana")
    path = request_reset_link()
    user.active = False
    db.session.commit()
    assert is_invalid_link(client, path)


def test_reset_link_expires_after_an_hour(client, db, request_reset_link):
    a_user("ana")
    path = request_reset_link()
    with time_machine.travel(now() + timedelta(minutes=59)):
        assert client.get(path).status_code == 200
    with time_machine.travel(now() + timedelta(minutes=61)):
        assert is_invalid_link(client, path)


def test_link_is_valid_for_one_purpose_only(client, app, db, request_reset_link, mails, run_jobs):
    a_user("ana", email_confirmed_at=None)
    browser = a_browser(app)
    log_in(browser)
    browser.post_form("/auth/security/confirmation")
    run_jobs()
    confirm = link_in(mails.to("ana@example.org")[-1]).rpartition("/")[2]
    reset = request_reset_link().rpartition("/")[2]
    assert is_invalid_link(client, f"/auth/reset_password/{confirm}")
    assert client.post_form(f"/auth/confirm/{reset}").location == "/auth/login"
    assert the_user().email_confirmed_at is None


def test_forged_links_are_rejected(client, app, db, request_reset_link):
    a_user("ana")
    genuine = request_reset_link().rpartition("/")[2]
    row = db.session.scalars(db.select(MailToken).where(MailToken.purpose == "reset")).one()
    content = [row.purpose, row.id, row.nonce]  # what a stolen backup tells
    body, _, signature = genuine.rpartition(".")
    forged = [
        URLSafeSerializer("another secret").dumps(content),
        URLSafeSerializer(app.config["SECRET_KEY"]).dumps(content),  # another use of the same key
        URLSafeSerializer("", salt="microblog-mail-link").dumps(content),
        body,
        body + ".",
        "." + signature,
        genuine[:-1],
        genuine + "A",
        genuine.swapcase(),
        "eyJhbGciOiJub25lIn0.eyJyZXNldF9wYXNzd29yZCI6MX0.",
        "eyJhbGciOiJIUzI1NiJ9.eyJyZXNldF9wYXNzd29yZCI6MX0.AAAA",
        "a" * 3000,
        "%00",
        "\u0661",
    ]
    for token in forged:
        assert client.get(f"/auth/reset_password/{token}").location == DEAD, token
    for content in ([], {}, 5, None, "reset", ["reset", "1", 2], ["reset", row.id, "x"], ["reset", 2**70, "x"]):
        token = link_tokens._signer(app.config["SECRET_KEY"]).dumps(content)
        assert client.get(f"/auth/reset_password/{token}").location == DEAD, content
    assert client.get(f"/auth/reset_password/{genuine}").status_code == 200


def test_reset_link_changes_only_its_own_account(client, db, request_reset_link):
    a_user("ana")
    a_user("ben")
    client.post_form(request_reset_link("ben@example.org"), {**NEW, "username": "ana", "user_id": "1"})
    assert log_in(client, "ana", ANOTHER_PASSWORD).status_code == 422
    assert log_in(client, "ben", ANOTHER_PASSWORD).status_code == 303


def test_reset_answers_are_the_same_for_known_and_unknown_addresses(client, db, mails, run_jobs):
    a_user("ana")
    a_user("cat", active=False)
    answers, pages = [], []
    for address in ("ana@example.org", "nobody@example.org", "cat@example.org"):
        answers.append(client.post_form("/auth/reset_password_request", {"email": address}))
        pages.append(text_of(client.follow(answers[-1])))
    assert {(answer.status_code, answer.location) for answer in answers} == {(303, "/auth/login")}
    assert len(set(pages)) == 1
    run_jobs()
    assert [mail.envelope_to for mail in mails] == [["ana@example.org"]]


def test_reset_costs_the_same_for_known_and_unknown_addresses(client, db, queries):
    """The answer waits for the same work: no watch tells who has an account here."""
    a_user("ana")
    asked = {}
    for address in ("ana@example.org", "nobody@example.org"):
        client.post_form("/auth/reset_password_request", {"email": address})  # what is asked once only
        with queries() as asked[address]:
            client.post_form("/auth/reset_password_request", {"email": address})
    known, unknown = asked.values()
    assert [one.split()[:3] for one in known] == [one.split()[:3] for one in unknown]


def test_reset_request_saves_token_and_job_in_one_transaction(client, db, monkeypatch):
    a_user("ana")
    monkeypatch.setattr("app.accounts.actions.email_links.enqueue", lambda *_, **__: 1 / 0)
    assert client.post_form("/auth/reset_password_request", {"email": "ana@example.org"}).status_code == 500
    assert db.session.scalar(db.select(db.func.count(MailToken.id))) == 0


def test_neither_rows_nor_jobs_contain_the_reset_link(client, db, request_reset_link):
    a_user("ana")
    token = request_reset_link().rpartition("/")[2]
    row = db.session.scalars(db.select(MailToken)).one()
    kept = " ".join(str(vars(thing)) for thing in [row, *db.session.scalars(db.select(Job))])
    assert token not in kept
    assert token.rpartition(".")[2] not in kept


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Host", "Forwarded"])
def test_links_point_to_this_site_whatever_the_headers_say(client, db, mails, run_jobs, name):
    a_user("ana")
    value = "host=evil.example" if name == "Forwarded" else "evil.example"
    answer = client.post_form("/auth/reset_password_request", {"email": "ana@example.org"}, headers={name: value})
    assert answer.status_code in {303, 400}
    run_jobs()
    for mail in mails:
        assert "evil.example" not in mail.message.as_string()
        assert re.findall(r"https?://[^/\s]+", mail.text) == ["http://microblog.test"]


def test_reset_emails_are_limited_per_address(app, db, mails, run_jobs, rate_limits):
    a_user("ana")
    statuses = []
    for number in range(50):
        browser = a_browser(app)
        address = ["ana@example.org", "ANA@example.org"][number % 2]
        answer = browser.post(
            "/auth/reset_password_request",
            data={"email": address, "csrf_token": browser.csrf_token()},
            environ_overrides={"REMOTE_ADDR": f"203.0.113.{number}"},
        )
        statuses.append(answer.status_code)
        run_jobs()
    assert statuses == [303] * 5 + [429] * 45
    assert len(mails) == 5


@pytest.mark.parametrize("disguise", ["another field", "spaces"])
def test_reset_limit_counts_the_normalized_address(app, db, mails, run_jobs, rate_limits, disguise):
    a_user("ana")
    for number in range(12):
        browser = a_browser(app)
        fields = {"email": "ana@example.org", "csrf_token": browser.csrf_token()}
        if disguise == "spaces":
            fields["email"] = " " * (319 - number) + fields["email"]
        else:
            fields["username"] = f"x{number}"
        browser.post(
            "/auth/reset_password_request",
            data=fields,
            environ_overrides={"REMOTE_ADDR": f"203.0.113.{number}"},
        )
        run_jobs()
    assert len(mails) == 5


def test_reset_page_does_not_leak_its_url_as_referrer(client, db, request_reset_link):
    a_user("ana")
    assert client.get(request_reset_link()).headers["Referrer-Policy"] == "strict-origin"


def test_password_reset_confirms_the_email_address(client, db, request_reset_link):
    a_user("ana", email_confirmed_at=None)
    client.post_form(request_reset_link(), NEW)
    assert the_user().email_confirmed_at is not None


def test_password_reset_logs_out_the_same_browser(as_, db, request_reset_link):
    ana = as_("ana")
    ana.post_form(request_reset_link(), NEW)
    assert not is_logged_in(ana)


def test_password_reset_of_another_account_keeps_the_current_login(as_, db, request_reset_link):
    ben = as_("ben")
    a_user("ana")
    ben.post_form(request_reset_link(), NEW)
    assert is_logged_in(ben)
