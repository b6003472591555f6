from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import func, select, update

from app.accounts import queries, sessions
from app.models import Job, LoginSession, MailToken, User
from tests.accounts.steps import (
    ANOTHER_PASSWORD,
    a_browser,
    a_member,
    is_logged_in,
    link_in,
    log_in,
    the_user,
)
from tests.factories import PASSWORD, a_login, a_user

NEW = {"password": ANOTHER_PASSWORD, "password2": ANOTHER_PASSWORD}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
POSTS = [
    "/auth/security/email",
    "/auth/security/password",
    "/auth/security/confirmation",
    "/auth/security/logins/end",
    "/auth/security/logins/abc/end",
]


@pytest.mark.parametrize("path", POSTS)
def test_security_forms_reject_visitors_and_missing_csrf_tokens(client, as_, path):
    assert client.post_form(path).location.startswith("/auth/login")
    assert as_("ana").post(path).status_code == 400
    assert as_("ana").get(path).status_code in {404, 405}


# Password


def test_password_can_be_changed(client, app, db, mails, run_jobs):
    a_member("ana")
    log_in(client, remember=True)
    other = a_browser(app)
    log_in(other)
    answer = client.submit("/auth/security", {"old_password": PASSWORD, **NEW})
    assert (answer.status_code, answer.location) == (303, "/auth/security")
    assert is_logged_in(client)
    assert not is_logged_in(other)
    assert log_in(other, "ana", PASSWORD).status_code == 422
    assert log_in(other, "ana", ANOTHER_PASSWORD).status_code == 303
    run_jobs()
    [mail] = mails.to("ana@example.org")
    assert "password was changed" in mail.subject
    assert "reset_password_request" in link_in(mail)
    assert ANOTHER_PASSWORD not in mail.message.as_string()


@pytest.mark.parametrize(
    "fields",
    [
        {**NEW, "old_password": "wrong password"},
        {**NEW, "old_password": ""},
        {**NEW},
        {"old_password": PASSWORD, "password": "short", "password2": "short"},
        {"old_password": PASSWORD, "password": "password1", "password2": "password1"},
        {"old_password": PASSWORD, "password": "ana@example.org", "password2": "ana@example.org"},
        {"old_password": PASSWORD, "password": ANOTHER_PASSWORD, "password2": "something else"},
    ],
)
def test_rejected_password_change_changes_nothing(as_, db, mails, run_jobs, fields):
    ana = as_("ana")
    before = the_user().password_hash
    answer = ana.post_form("/auth/security/password", fields)
    assert answer.status_code == 422
    assert ANOTHER_PASSWORD not in answer.text
    assert the_user().password_hash == before
    run_jobs()
    assert len(mails) == 0


def test_password_attempts_on_the_security_page_are_limited(as_, rate_limits):
    ana = as_("ana")
    fields = {**NEW, "old_password": "wrong password"}
    answers = [ana.post_form("/auth/security/password", fields) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429] * 2
    assert answers[-1].headers["Retry-After"]


# Address


def test_email_address_can_be_changed(as_, db, mails, run_jobs):
    ana = as_("ana")
    fields = {"email": "New@Example.net", "current_password": PASSWORD}
    assert ana.submit("/auth/security", fields).status_code == 303
    assert the_user().email == "ana@example.org"  # nothing yet
    run_jobs()
    [mail] = mails.to("New@example.net")
    assert len(mails) == 1
    path = link_in(mail)
    assert ana.get(path).status_code == 200
    assert the_user().email == "ana@example.org"  # a GET changes nothing
    assert ana.submit(path, action=path).status_code == 303
    user = the_user()
    assert (user.email, user.email_key) == ("New@example.net", "new@example.net")
    run_jobs()
    [notice] = mails.to("ana@example.org")
    assert "address was changed" in notice.subject
    assert "New@example.net" not in notice.message.as_string()
    assert ana.post_form(path).status_code == 303  # used up
    assert len(mails) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "new@example.org", "current_password": "wrong password"},
        {"email": "new@example.org"},
        {"email": "ana@example.org", "current_password": PASSWORD},
        {"email": "x@example.org\r\nBcc: victim@example.org", "current_password": PASSWORD},
        {"email": "nonsense", "current_password": PASSWORD},
    ],
)
def test_rejected_email_change_sends_nothing(as_, db, mails, run_jobs, fields):
    a_user("ben")
    answer = as_("ana").post_form("/auth/security/email", fields)
    assert answer.status_code == 422
    run_jobs()
    assert len(mails) == 0
    assert the_user().email == "ana@example.org"


@pytest.mark.parametrize("used", ["ben@example.org", "BEN@Example.org"])
def test_changing_to_an_address_in_use_reveals_nothing_and_notifies_its_owner(as_, db, mails, run_jobs, queries, used):
    a_user("ben", name="Ben B.")
    ana, asked, pages = as_("ana"), [], []
    for address in ("warm@example.org", "free@example.org", used):
        with queries() as statements:
            answer = ana.post_form("/auth/security/email", {"email": address, "current_password": PASSWORD})
        assert (answer.status_code, answer.location) == (303, "/auth/security")
        asked.append([one.split()[:3] for one in statements])
        pages.append(re.findall(r'class="alert.*?</div>', ana.follow(answer).text, re.DOTALL))
        run_jobs()
    assert asked[1] == asked[2]
    assert pages[1] == pages[2] != []
    [mail] = mails.to(used) or mails.to("ben@example.org")
    assert mail.subject == "You already have an account"
    assert "Ben B." in mail.text and "/auth/confirm/" not in mail.text
    assert "@ana" not in mail.text  # who asked is not told
    assert the_user().email == "ana@example.org"


def test_change_of_case_only_in_an_email_address_is_allowed(as_, db, mails, run_jobs):
    ana = as_("ana")
    ana.post_form("/auth/security/email", {"email": "Ana@example.org", "current_password": PASSWORD})
    run_jobs()
    ana.post_form(link_in(mails[0]))
    assert the_user().email == "Ana@example.org"


def test_email_change_fails_if_another_member_takes_the_address_first(as_, db, mails, run_jobs):
    ana = as_("ana")
    ana.post_form("/auth/security/email", {"email": "new@example.org", "current_password": PASSWORD})
    run_jobs()
    a_user("ben", email="new@example.org")
    answer = ana.post_form(link_in(mails[0]))
    assert answer.status_code == 303
    assert "An account with this email already exists" in ana.follow(answer).text
    assert the_user().email == "ana@example.org"


def test_newer_email_change_or_password_change_invalidates_the_link(as_, db, mails, run_jobs):
    ana = as_("ana")
    paths = []
    for address in ("one@example.org", "two@example.org"):
        ana.post_form("/auth/security/email", {"email": address, "current_password": PASSWORD})
        run_jobs()
        paths.append(link_in(mails.to(address)[0]))
    ana.post_form(paths[0])
    assert the_user().email == "ana@example.org"
    ana.post_form("/auth/security/password", {"old_password": PASSWORD, **NEW})
    ana.post_form(paths[1])
    assert the_user().email == "ana@example.org"


def test_email_address_change_invalidates_the_confirmation_link(as_, db, mails, run_jobs):
    ana = as_(a_user("ana", email_confirmed_at=None))
    ana.post_form("/auth/security/confirmation")
    run_jobs()
    old = link_in(mails[0])
    ana.post_form("/auth/security/email", {"email": "new@example.org", "current_password": PASSWORD})
    run_jobs()
    ana.post_form(link_in(mails.to("new@example.org")[0]))
    moved_at = the_user().email_confirmed_at
    ana.post_form(old)
    assert the_user().email_confirmed_at == moved_at


def test_confirmation_email_can_be_requested_again_up_to_a_limit(as_, db, mails, run_jobs, rate_limits):
    ana = as_(a_user("ana", email_confirmed_at=None))
    assert ana.submit("/auth/security", action="/auth/security/confirmation").status_code == 303
    statuses = [ana.post_form("/auth/security/confirmation").status_code for _ in range(6)]
    assert statuses == [303] * 4 + [429] * 2
    run_jobs()
    assert len(mails) == 1  # the orders before the last were replaced before they were sent
    ana.post_form(link_in(mails[0]))
    assert the_user().email_confirmed_at is not None


def test_many_accounts_cannot_flood_one_mailbox(as_, db, mails, run_jobs, rate_limits):
    statuses = []
    for number in range(8):
        member = as_(f"member{number}")
        spelling = ["who@example.net", "WHO@example.net"][number % 2]
        fields = {"email": spelling, "current_password": "wrong password"}
        assert member.post_form("/auth/security/email", fields).status_code in {422, 429}
        fields["current_password"] = PASSWORD
        statuses.append(member.post_form("/auth/security/email", fields).status_code)
        run_jobs()
    assert statuses == [303] * 5 + [429] * 3
    assert len(mails) == 5


def test_confirmed_address_gets_no_further_confirmation_email(as_, db):
    ana = as_("ana")
    assert ana.post_form("/auth/security/confirmation").status_code == 303
    assert db.session.scalar(db.select(db.func.count(MailToken.id))) == 0


# Logins


def test_login_list_shows_browsers_and_addresses_but_no_session_ids(as_, db):
    ana = as_("ana")
    a_login(the_user(), user_agent=FIREFOX, address="203.0.113.9")
    a_login(a_user("ben"), user_agent="curl/8", address="203.0.113.77")
    page = ana.get("/auth/security").text
    assert "Firefox" in page and "Linux" in page and "203.0.113.9" in page
    assert "203.0.113.77" not in page
    for row in db.session.scalars(db.select(LoginSession)):
        assert row.id not in page


def test_hostile_user_agent_is_escaped(client, db):
    a_user("ana")
    fields = {"username": "ana", "password": PASSWORD}
    client.post_form("/auth/login", fields, headers={"User-Agent": "<script>alert(1)</script>\x1b[31m Chrome/1"})
    assert "<script>alert" not in client.get("/auth/security").text
    row = db.session.scalars(db.select(LoginSession)).one()
    assert row.user_agent == "<script>alert(1)</script>[31m Chrome/1"


def test_one_login_can_be_ended(as_, client, db):
    ana = as_("ana")
    log_in(client)
    assert is_logged_in(client)
    [other] = [row for row in queries.logins_of(the_user()) if row.address == "127.0.0.1"]
    path = f"/auth/security/logins/{queries.public_id(other)}/end"
    answer = ana.submit("/auth/security", action=path)
    assert answer.status_code == 303
    assert is_logged_in(ana)
    assert not is_logged_in(client)
    assert ana.post_form(path).status_code == 404


def test_ending_the_current_login_logs_out(as_, db):
    ana = as_("ana")
    [own] = queries.logins_of(the_user())
    answer = ana.post_form(f"/auth/security/logins/{queries.public_id(own)}/end")
    assert answer.location == "/auth/login"
    assert not is_logged_in(ana)


def test_member_cannot_end_logins_of_others(as_, db):
    ana, ben = as_("ana"), as_("ben")
    for row in queries.logins_of(the_user("ben")):
        for name in (queries.public_id(row), row.id):
            assert ana.post_form(f"/auth/security/logins/{name}/end").status_code == 404
    assert is_logged_in(ben)


def test_member_can_log_out_everywhere(as_, db):
    user = a_user("ana")
    browsers = [as_(user) for _ in range(3)]
    assert all(is_logged_in(browser) for browser in browsers)
    answer = browsers[0].submit("/auth/security", action="/auth/security/logins/end")
    assert (answer.status_code, answer.location) == (303, "/auth/login")
    assert not any(is_logged_in(browser) for browser in browsers)
    assert db.session.scalar(db.select(db.func.count(LoginSession.id))) == 0


# No harm at once


def test_only_one_of_two_simultaneous_password_changes_succeeds(app, as_, db):
    user = a_member("ana")
    browsers, statuses = [as_(user), as_(user)], []

    def change(browser, password):
        fields = {"old_password": PASSWORD, "password": password, "password2": password}
        statuses.append(browser.post_form("/auth/security/password", fields).status_code)

    words = ["first choice 41", "second choice 42"]
    threads = [threading.Thread(target=change, args=pair) for pair in zip(browsers, words, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 303 in statuses
    assert set(statuses) <= {303, 422, 302}
    works = [word for word in words if log_in(a_browser(app), "ana", word).status_code == 303]
    assert len(works) == 1
    assert len(db.session.scalars(db.select(User)).all()) == 1


def test_security_page_is_not_cached_and_loads_nothing_from_other_sites(as_):
    page = as_("ana").get("/auth/security")
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.findall(r"""(?:src|href)=["']?https?://""", page.text)


def test_email_change_is_refused_after_a_concurrent_password_change(as_, db, monkeypatch):
    """The password change revokes links to new addresses. A request that checked the old password can't add another."""
    ana = as_("ana")
    checked = sessions.check_password

    def check_and_change(user, password):
        is_right = checked(user, password)
        with db.engine.begin() as connection:
            connection.execute(update(User).values(password_hash="another"))
        return is_right

    monkeypatch.setattr(sessions, "check_password", check_and_change)
    answer = ana.post_form("/auth/security/email", {"email": "new@example.org", "current_password": PASSWORD})
    assert answer.status_code == 422
    assert "Your password was just changed" in answer.text
    assert db.session.scalar(select(func.count(Job.id)).where(Job.name.contains("mail"))) == 0
