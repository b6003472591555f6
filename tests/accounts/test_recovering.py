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
    meanwhile,
    text_of,
    the_user,
)
from tests.factories import PASSWORD, a_user

NEW = {"password": ANOTHER_PASSWORD, "password2": ANOTHER_PASSWORD}
DEAD = "/auth/reset_password_request"


@pytest.fixture
def ask(client, run_jobs, mails):
    """Ask for a link to `address`; gives the path of the newest one."""

    def asking(address="ana@example.org"):
        assert client.post_form("/auth/reset_password_request", {"email": address}).status_code == 303
        run_jobs()
        return link_in(mails.to(address)[-1])

    return asking


def is_dead(browser, path):
    shown, sent = browser.get(path), browser.post_form(path, NEW)
    assert (shown.status_code, shown.location) == (sent.status_code, sent.location) == (303, DEAD)
    assert "has expired" in browser.get(DEAD).text
    return True


def test_the_whole_way(client, db, mails, run_jobs):
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


def test_opening_the_link_changes_nothing(client, db, ask):
    a_user("ana")
    path = ask()
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert client.post_form(path, NEW).status_code == 303


def test_a_link_works_once(client, app, db, ask):
    a_user("ana")
    path = ask()
    client.post_form(path, NEW)
    assert is_dead(a_browser(app), path)
    assert log_in(client, "ana", ANOTHER_PASSWORD).status_code == 303


def test_a_bad_password_does_not_use_up_the_link(client, db, ask):
    a_user("ana")
    path = ask()
    for bad in ({"password": "short", "password2": "short"}, {**NEW, "password2": "other"}, {"password": "x"}):
        assert client.post_form(path, bad).status_code == 422
    assert client.post_form(path, NEW).status_code == 303


def test_two_browsers_use_one_link_at_once(client, app, db, ask, monkeypatch):
    a_user("ana")
    path, right = ask(), passwords.hash_password
    second = []

    def slowly_hashed(password):
        monkeypatch.setattr(passwords, "hash_password", right)
        meanwhile(lambda: second.append(a_browser(app).post_form(path, NEW)))
        return right(password)

    monkeypatch.setattr(passwords, "hash_password", slowly_hashed)
    first = client.post_form(path, {"password": "another one 7", "password2": "another one 7"})
    assert (first.location, second[0].location) == (DEAD, "/auth/login")
    assert log_in(client, "ana", ANOTHER_PASSWORD).status_code == 303


def test_a_newer_link_ends_the_older(client, db, ask):
    a_user("ana")
    old, new = ask(), ask()
    assert old != new
    assert is_dead(client, old)
    assert client.post_form(new, NEW).status_code == 303


def test_a_login_ends_the_link(client, app, db, ask):
    a_user("ana")
    path = ask()
    log_in(a_browser(app))
    assert is_dead(client, path)


def test_a_changed_password_ends_the_link(client, as_, db, ask):
    ana = as_("ana")
    path = ask()
    ana.post_form("/auth/security/password", {"old_password": PASSWORD, **NEW})
    assert is_dead(client, path)


def test_a_changed_address_ends_the_link(client, as_, db, ask, run_jobs, mails):
    ana = as_("ana")
    path = ask()
    ana.post_form("/auth/security/email", {"email": "new@example.org", "current_password": PASSWORD})
    run_jobs()
    ana.post_form(link_in(mails.to("new@example.org")[0]))
    assert the_user().email == "new@example.org"
    assert is_dead(client, path)


def test_a_closed_account_ends_the_link(client, db, ask):
    user = a_user("ana")
    path = ask()
    user.active = False
    db.session.commit()
    assert is_dead(client, path)


def test_a_link_ends_after_an_hour(client, db, ask):
    a_user("ana")
    path = ask()
    with time_machine.travel(now() + timedelta(minutes=59)):
        assert client.get(path).status_code == 200
    with time_machine.travel(now() + timedelta(minutes=61)):
        assert is_dead(client, path)


def test_the_link_of_one_purpose_does_not_serve_another(client, app, db, ask, mails, run_jobs):
    a_user("ana", email_confirmed_at=None)
    browser = a_browser(app)
    log_in(browser)
    browser.post_form("/auth/security/confirmation")
    run_jobs()
    confirm = link_in(mails.to("ana@example.org")[-1]).rpartition("/")[2]
    reset = ask().rpartition("/")[2]
    assert is_dead(client, f"/auth/reset_password/{confirm}")
    assert client.post_form(f"/auth/confirm/{reset}").location == "/auth/login"
    assert the_user().email_confirmed_at is None


def test_forged_links_are_dead(client, app, db, ask):
    a_user("ana")
    genuine = ask().rpartition("/")[2]
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


def test_one_persons_link_is_not_anothers(client, db, ask):
    a_user("ana")
    a_user("ben")
    client.post_form(ask("ben@example.org"), {**NEW, "username": "ana", "user_id": "1"})
    assert log_in(client, "ana", ANOTHER_PASSWORD).status_code == 422
    assert log_in(client, "ben", ANOTHER_PASSWORD).status_code == 303


def test_known_and_unknown_addresses_read_the_same(client, db, mails, run_jobs):
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


def test_known_and_unknown_addresses_cost_the_same(client, db, queries):
    """The answer waits for the same work: no watch tells who has an account here."""
    a_user("ana")
    asked = {}
    for address in ("ana@example.org", "nobody@example.org"):
        client.post_form("/auth/reset_password_request", {"email": address})  # what is asked once only
        with queries() as asked[address]:
            client.post_form("/auth/reset_password_request", {"email": address})
    known, unknown = asked.values()
    assert [one.split()[:3] for one in known] == [one.split()[:3] for one in unknown]


def test_an_order_is_a_row_and_a_job_or_nothing(client, db, monkeypatch):
    a_user("ana")
    monkeypatch.setattr("app.accounts.actions.email_links.enqueue", lambda *_, **__: 1 / 0)
    assert client.post_form("/auth/reset_password_request", {"email": "ana@example.org"}).status_code == 500
    assert db.session.scalar(db.select(db.func.count(MailToken.id))) == 0


def test_neither_the_rows_nor_the_jobs_hold_the_link(client, db, ask):
    a_user("ana")
    token = ask().rpartition("/")[2]
    row = db.session.scalars(db.select(MailToken)).one()
    kept = " ".join(str(vars(thing)) for thing in [row, *db.session.scalars(db.select(Job))])
    assert token not in kept
    assert token.rpartition(".")[2] not in kept


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "X-Host", "Forwarded"])
def test_links_point_to_our_own_site_whatever_the_headers_say(client, db, mails, run_jobs, name):
    a_user("ana")
    value = "host=evil.example" if name == "Forwarded" else "evil.example"
    answer = client.post_form("/auth/reset_password_request", {"email": "ana@example.org"}, headers={name: value})
    assert answer.status_code in {303, 400}
    run_jobs()
    for mail in mails:
        assert "evil.example" not in mail.message.as_string()
        assert re.findall(r"https?://[^/\s]+", mail.text) == ["http://microblog.test"]


def test_reset_mails_are_limited_for_each_address(app, db, mails, run_jobs, rate_limits):
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
def test_the_limit_counts_the_address_that_is_mailed(app, db, mails, run_jobs, rate_limits, disguise):
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


def test_the_page_keeps_its_address_to_itself(client, db, ask):
    a_user("ana")
    assert client.get(ask()).headers["Referrer-Policy"] == "strict-origin"


def test_who_got_the_link_has_the_mailbox(client, db, ask):
    a_user("ana", email_confirmed_at=None)
    client.post_form(ask(), NEW)
    assert the_user().email_confirmed_at is not None


def test_a_reset_logs_out_this_browser_too(as_, db, ask):
    ana = as_("ana")
    ana.post_form(ask(), NEW)
    assert not is_logged_in(ana)


def test_a_reset_for_somebody_else_leaves_this_browser_alone(as_, db, ask):
    ben = as_("ben")
    a_user("ana")
    ben.post_form(ask(), NEW)
    assert is_logged_in(ben)
