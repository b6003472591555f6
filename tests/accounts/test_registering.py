from __future__ import annotations

import threading
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlsplit

import pytest
import time_machine

from app.accounts import actions
from app.accounts.errors import FormError
from app.core.time import now
from app.jobs import enqueue
from app.models import LoginSession, PendingAccount, User
from tests.accounts.steps import (
    HOME,
    a_browser,
    a_member,
    is_logged_in,
    link_in,
    log_in,
    register,
    register_and_confirm,
    text_of,
    the_user,
)
from tests.factories import PASSWORD, a_user


def usernames(db):
    return sorted(db.session.scalars(db.select(User.username)))


def test_new_member_is_logged_in_and_can_log_in_again(client, db, app):
    answer = register(client)
    assert (answer.status_code, answer.location) == (303, HOME)
    assert is_logged_in(client)
    again = a_browser(app)
    assert log_in(again).status_code == 303
    assert is_logged_in(again)


def test_registration_stores_search_text_time_zone_and_language(client, db):
    client.get("/auth/register", headers={"Accept-Language": "es-MX,es;q=0.9"})
    client.post_form(
        "/auth/register",
        {
            "username": "Zoë",
            "email": "Zoe@Example.org",
            "password": PASSWORD,
            "password2": PASSWORD,
            "timezone": "America/Bogota",
        },
        headers={"Accept-Language": "es-MX,es;q=0.9"},
    )
    user = the_user("Zoë")
    assert user.search_text == "zoe"
    assert user.timezone == "America/Bogota"
    assert user.language in {"es", "en"}  # "es" once its catalog is compiled
    assert user.email_confirmed_at is None
    assert user.last_login_at is not None


@pytest.mark.parametrize(
    "timezone", ["", "../../etc/passwd", "localtime", "America", "x" * 5000, "Mars/Olympus", "a\0b"]
)
def test_unknown_time_zone_is_ignored(client, db, timezone):
    assert register(client, timezone=timezone).status_code == 303
    assert the_user().timezone == ""


def test_registration_form_can_be_submitted_as_rendered(client, db):
    fields = {"email": "ana@example.org", "password": PASSWORD, "password2": PASSWORD}
    answer = client.submit("/auth/register", {"username": "ana", **fields})
    assert answer.status_code == 303
    assert usernames(db) == ["ana"]


@pytest.mark.parametrize(
    "username",
    [
        "ANA",  # case
        "\uff41na",  # fullwidth a
        "\u0430n\u0430",  # Cyrillic a: mixed scripts
        "\u00aana",  # feminine ordinal indicator: NFKC makes it an a
    ],
)
def test_usernames_are_unique_after_case_folding(client, db, username):
    a_user("ana")
    answer = register(client, username, email="other@example.org")
    assert answer.status_code == 422
    assert usernames(db) == ["ana"]
    assert "other@example.org" in answer.text  # what was typed is kept


@pytest.mark.parametrize(
    ("taken", "username"),
    [
        ("paypal", "paypa1"),
        ("modern", "modem"),
        ("lili", "IiIi"),
        ("cocoa", "\u0441\u043e\u0441\u043e\u0430"),
        ("anna", "an-na"),
        ("anna", "anna_"),
        ("eva", "\u0117va"),
        ("bob", "\u0299ob"),
    ],
)
def test_lookalike_usernames_are_rejected(client, db, taken, username):
    a_user(taken)
    assert register(client, username, email="other@example.org").status_code == 422
    assert usernames(db) == [taken]


@pytest.mark.parametrize("username", ["admin", "Login", "static", "support", "\uff41dmin", "adm1n", "root", "api"])
def test_reserved_usernames_are_rejected(client, db, username):
    assert register(client, username, email="other@example.org").status_code == 422
    assert usernames(db) == []


@pytest.mark.parametrize(
    "username",
    [
        "",
        " ",
        ".",
        "..",
        "../x",
        "a/b",
        "a" * 200,
        "a" * 100_000,
        "a\0b",
        "an a",
        "-ana",
        "ana@example.org",
        "ana\u202e",
        "a\u200bna",
        "ana\r\nBcc: x@example.org",
        "<b>ana</b>",
        "{{7*7}}",
        "%(x)s",
        "an\u0332a",  # underlined, as links are
        "ana\u0338",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 3,
    ],
)
def test_unprintable_usernames_are_rejected(client, db, username):
    answer = register(client, username, email="other@example.org")
    assert answer.status_code == 422
    assert usernames(db) == []


@pytest.mark.parametrize("username", ["josé", "мария", "अनिता", "محمد", "山田太郎", "김민준", "o_o-2"])
def test_usernames_in_every_script_are_accepted(client, db, username):
    assert register(client, username, email="other@example.org").status_code == 303
    assert usernames(db) == [username]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ana",
        "ana@localhost",
        "ana@example",
        '"a b"@example.org',
        "ana@[127.0.0.1]",
        "ana@example.org\r\nBcc: victim@example.org",
        "ana@example.org%0d%0aBcc:x@example.org\n",
        "a" * 300 + "@example.org",
        "ana@" + "e" * 300 + ".org",
        "ana@exam ple.org",
        "ana\0@example.org",
        "<ana@example.org>",
    ],
)
def test_undeliverable_email_addresses_are_rejected(client, db, mails, run_jobs, email):
    assert register(client, email=email).status_code == 422
    assert usernames(db) == []
    run_jobs()
    assert len(mails) == 0


# An address that is in use (decision 15)


def register_in_new_browser(app, queries, address: str):
    """Register with an address in a new browser: the browser, the answer, the page after it, and the statements."""
    browser = a_browser(app)
    browser.csrf_token()
    with queries() as asked:
        answer = register(browser, "newcomer", email=address)
    return browser, answer, browser.follow(answer), asked


@pytest.mark.slow
@pytest.mark.parametrize("spelling", ["ana@example.org", "ANA@EXAMPLE.ORG"])
def test_email_address_in_use_gets_the_same_answer_at_the_same_cost(app, db, queries, mails, run_jobs, spelling):
    a_user("ana")
    register_in_new_browser(app, queries, "warm@example.org")  # what is asked once only
    free, used = (
        register_in_new_browser(app, queries, "free@example.org"),
        register_in_new_browser(app, queries, spelling),
    )
    for _browser, answer, _page, _asked in (free, used):
        assert (answer.status_code, answer.location) == (303, "/auth/register/sent")
    assert text_of(free[2]).replace("free@example.org", "X") == text_of(used[2]).replace(spelling, "X")
    assert [one.split()[:3] for one in free[3]] == [one.split()[:3] for one in used[3]]
    run_jobs()
    assert usernames(db) == ["ana"]
    # Neither can log in, and the name tells nothing either: it is free in both cases.
    for browser, _answer, _page, _asked in (free, used):
        assert not is_logged_in(browser)
        assert log_in(browser, "newcomer").status_code == 422
    assert register(a_browser(app), "newcomer", email="other@example.org").status_code == 303
    assert [mail.subject for mail in mails.to("ana@example.org")] == ["You already have an account"]
    [mail] = mails.to("free@example.org")
    assert mail.subject == "Confirm your email address to create your account"
    assert link_in(mail).startswith("/auth/register/")


def test_email_address_owner_gets_login_instructions(app, db, mails, run_jobs):
    a_user("ana", name="Ana Sofía")
    register(a_browser(app), "newcomer", email="ana@example.org")
    run_jobs()
    [mail] = mails
    for text in (mail.text, mail.html):
        assert "Ana Sofía" in text and "@ana" in text
        assert "/auth/login" in text and "/auth/reset_password_request" in text
        assert "newcomer" not in text  # a stranger's words


def test_confirmation_link_creates_the_account_and_logs_in(app, db, mails, run_jobs):
    a_user("ben")
    browser = a_browser(app)
    answer = browser.post_form(
        "/auth/register?next=/explore",
        {"username": "ana", "email": "ana@example.org", "password": PASSWORD, "password2": PASSWORD},
    )
    assert "ana@example.org" in browser.follow(answer).text
    run_jobs()
    path = link_in(mails[0])
    assert browser.get(path).status_code == 200
    assert usernames(db) == ["ben"]  # a GET changes nothing
    answer = browser.submit(path, action=path)
    assert (answer.status_code, answer.location) == (303, "/explore")
    assert is_logged_in(browser)
    assert the_user().email_confirmed_at is not None
    assert the_user().role == "member"
    assert browser.submit("/auth/security", action="/auth/security/logins/end").status_code == 303
    assert browser.post_form(path).location == "/auth/login"  # used up
    assert usernames(db) == ["ana", "ben"]


def test_confirmation_link_in_another_browser_asks_for_the_password(app, db, mails, run_jobs):
    """A stranger may have registered with one's address: the link alone must not lead into their account."""
    a_user("ben")
    register(a_browser(app))
    run_jobs()
    path, elsewhere = link_in(mails[0]), a_browser(app)
    assert elsewhere.submit(path, action=path).location == "/auth/login"
    assert not is_logged_in(elsewhere)
    assert log_in(elsewhere).status_code == 303


def test_confirmation_fails_if_the_username_or_email_address_is_taken_meanwhile(app, db, mails, run_jobs):
    a_user("ben")
    for taken in ({"username": "ana"}, {"username": "zoe", "email": "ana@example.org"}):
        browser = a_browser(app)
        register(browser)
        run_jobs()
        path = link_in(mails[-1])
        person = a_user(**taken)
        answer = browser.submit(path, action=path)
        assert answer.location == "/auth/register"
        assert not is_logged_in(browser)
        db.session.delete(person)
        db.session.commit()


def test_two_registrations_with_one_email_address_create_one_account(app, db, mails, run_jobs):
    a_user("ben")
    first, second = a_browser(app), a_browser(app)
    register(first)
    register(second, "anabel", email="ana@example.org")
    run_jobs()
    paths = [link_in(mail) for mail in mails]
    assert second.submit(paths[1], action=paths[1]).status_code == 303
    assert first.post_form(paths[0]).location == "/auth/login"
    assert usernames(db) == ["anabel", "ben"]


def test_registration_expires_after_a_day(app, db, mails, run_jobs):
    a_user("ben")
    register(client := a_browser(app))
    run_jobs()
    path = link_in(mails[0])
    with time_machine.travel(now() + timedelta(hours=25)):
        assert client.get(path).status_code == 303
        assert client.post_form(path).status_code == 303
        enqueue("accounts.prune_logins")
        db.session.commit()
        run_jobs()
    assert usernames(db) == ["ben"]
    assert db.session.query(PendingAccount).count() == 0


def test_many_registrations_cannot_flood_one_mailbox(app, db, mails, run_jobs, rate_limits):
    a_user("ana")
    statuses = []
    for number in range(8):
        browser = a_browser(app)
        fields = {"username": f"new{number}", "email": ["ana@example.org", "ANA@example.org"][number % 2]}
        answer = browser.post(
            "/auth/register",
            data={**fields, "password": PASSWORD, "password2": PASSWORD, "csrf_token": browser.csrf_token()},
            environ_overrides={"REMOTE_ADDR": f"203.0.113.{number}"},
        )
        statuses.append(answer.status_code)
    assert statuses == [303] * 5 + [429] * 3


@pytest.mark.parametrize(
    "password",
    [
        "",
        "a",
        "seven77",
        "password",
        "Password1",
        "12345678",
        "QWERTYUIOP",
        "aaaaaaaaaa",
        "catherina",
        "CATHERINA",
        "catherina@example.org",
        "x" * 1025 + "yz",
    ],
)
def test_common_passwords_are_rejected(client, db, password):
    assert register(client, "catherina", password=password).status_code == 422
    assert usernames(db) == []


def test_huge_password_is_rejected_without_hashing(client, db, monkeypatch):
    monkeypatch.setattr("app.accounts.passwords.generate_password_hash", pytest.fail)
    monkeypatch.setattr("app.accounts.passwords.check_password_hash", pytest.fail)
    huge = "aB3 " * 40_000
    assert register(client, password=huge).status_code == 422
    assert log_in(client, "ana", huge).status_code == 422


def test_both_password_fields_must_match(client, db):
    assert register(client, password2="something else 9").status_code == 422
    assert usernames(db) == []


def test_password_is_never_rendered_in_a_page(client, db):
    answer = register(client, "admin", password="canary swims 99", password2="canary swims 99")
    assert answer.status_code == 422
    assert "canary swims" not in answer.text


def test_eight_simultaneous_registrations_create_one_account(app, db):
    answers = []

    def one(number):
        answer = register(a_browser(app), "ana", email=f"ana{number}@example.org")
        answers.append(answer.status_code)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303] + [422] * 7
    assert usernames(db) == ["ana"]


def test_username_taken_between_check_and_insert_is_rejected(client, db, monkeypatch):
    a_user("ana")
    asked = []

    def blind_at_first(**wanted):
        asked.append(wanted)
        return set() if len(asked) == 1 else {"username"}

    monkeypatch.setattr("app.accounts.queries.names_in_use", blind_at_first)
    with pytest.raises(FormError):
        actions.register("ana", "other@example.org", PASSWORD)
    assert len(asked) == 2


def test_unknown_form_fields_are_ignored(client, db):
    extra = {"is_admin": "1", "active": "0", "id": "77", "email_confirmed_at": "2020-01-01", "user_id": "1"}
    assert register(client, **extra, password_hash="x", name="Admin", language="xx").status_code == 303
    user = the_user()
    assert (user.active, user.name, user.email_confirmed_at) == (True, "", None)
    assert user.id != 77


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/reset_password_request"])
@pytest.mark.parametrize("body", ["5", "null", "[]", '"ana"', "{", '{"username": ["ana"]}', "[" * 50_000])
def test_json_instead_of_a_form_is_rejected(client, db, path, body):
    token = {"X-CSRFToken": client.csrf_token()}
    answer = client.post(path, data=body, content_type="application/json", headers=token)
    assert answer.status_code in {400, 415, 422}


def test_repeated_form_field_is_used_once(client, db):
    answer = register(client, username=["ana", "ben"])
    assert answer.status_code in {303, 422}
    assert usernames(db) in (["ana"], [])


def test_file_instead_of_a_text_field_is_rejected(client, db):
    answer = register(client, username=(BytesIO(b"ana"), "ana.txt"))
    assert answer.status_code == 422


def test_confirmation_email_requires_a_post_request(client, db, mails, run_jobs):
    register(client)
    run_jobs()
    [mail] = mails.to("ana@example.org")
    path = link_in(mail)
    assert path.startswith("/auth/confirm/")
    assert client.get(path).status_code == 200
    assert client.get(path).status_code == 200
    assert the_user().email_confirmed_at is None
    answer = client.submit(path, action=path)
    assert (answer.status_code, answer.location) == (303, "/auth/security")
    assert the_user().email_confirmed_at is not None
    assert client.post_form(path).status_code == 303  # used up


def test_confirming_neither_requires_login_nor_logs_in(client, app, db, mails, run_jobs):
    register(client)
    run_jobs()
    elsewhere = a_browser(app)
    elsewhere.post_form(link_in(mails[0]))
    assert the_user().email_confirmed_at is not None
    assert not is_logged_in(elsewhere)


def test_member_who_opens_the_registration_form_is_redirected(as_):
    answer = as_("ana").get("/auth/register?next=/explore")
    assert urlsplit(answer.location).path == "/explore"


def test_registering_while_logged_in_ends_the_previous_login(as_, db, mails, run_jobs):
    register_and_confirm(as_("ana"), mails, run_jobs, "ben")
    assert [login.user.username for login in db.session.scalars(db.select(LoginSession))] == ["ben"]


def test_registrations_are_limited(client, db, rate_limits):
    answers = [register(client, "admin").status_code for _ in range(12)]
    assert answers == [422] * 10 + [429] * 2


def test_password_may_be_long_and_in_any_script(client, db, app):
    password = "пароль 密码 🔑 " * 40
    assert register(client, password=password).status_code == 303
    assert log_in(a_browser(app), "ana", password).status_code == 303


def test_password_matches_in_composed_and_decomposed_unicode_form(client, db, app):
    register(client, password="garde-mange\u0301 9")
    assert log_in(a_browser(app), "ana", "garde-mang\u00e9 9").status_code == 303


def test_existing_members_keep_their_weak_passwords(client, db):
    a_member("ana", "short")  # the rules are for new passwords
    assert log_in(client, "ana", "short").status_code == 303
