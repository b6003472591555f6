from __future__ import annotations

import threading
from io import BytesIO
from urllib.parse import urlsplit

import pytest

from app.models import LoginSession, User
from tests.accounts.steps import (
    HOME,
    a_browser,
    a_member,
    is_logged_in,
    link_in,
    log_in,
    register,
    the_user,
)
from tests.factories import PASSWORD, a_user


def names(db):
    return sorted(db.session.scalars(db.select(User.username)))


def test_a_newcomer_is_logged_in_at_once_and_can_log_in_again(client, db, app):
    answer = register(client)
    assert (answer.status_code, answer.location) == (303, HOME)
    assert is_logged_in(client)
    again = a_browser(app)
    assert log_in(again).status_code == 303
    assert is_logged_in(again)


def test_the_row_holds_what_search_and_pages_need(client, db):
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
def test_a_time_zone_nobody_knows_is_left_out(client, db, timezone):
    assert register(client, timezone=timezone).status_code == 303
    assert the_user().timezone == ""


def test_the_form_sends_itself(client, db):
    fields = {"email": "ana@example.org", "password": PASSWORD, "password2": PASSWORD}
    answer = client.submit("/auth/register", {"username": "ana", **fields})
    assert answer.status_code == 303
    assert names(db) == ["ana"]


@pytest.mark.parametrize(
    "username",
    [
        "ANA",  # case
        "\uff41na",  # fullwidth a
        "\u0430n\u0430",  # Cyrillic a: mixed scripts
        "\u00aana",  # feminine ordinal indicator: NFKC makes it an a
    ],
)
def test_names_are_unique_after_folding(client, db, username):
    a_user("ana")
    answer = register(client, username, email="other@example.org")
    assert answer.status_code == 422
    assert names(db) == ["ana"]
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
def test_look_alikes_are_refused(client, db, taken, username):
    a_user(taken)
    assert register(client, username, email="other@example.org").status_code == 422
    assert names(db) == [taken]


@pytest.mark.parametrize("username", ["admin", "Login", "static", "support", "\uff41dmin", "adm1n", "root", "api"])
def test_reserved_names_are_refused(client, db, username):
    assert register(client, username, email="other@example.org").status_code == 422
    assert names(db) == []


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
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 3,
    ],
)
def test_names_that_no_page_could_show_are_refused(client, db, username):
    answer = register(client, username, email="other@example.org")
    assert answer.status_code == 422
    assert names(db) == []


@pytest.mark.parametrize("username", ["josé", "мария", "अनिता", "محمد", "山田太郎", "김민준", "o_o-2"])
def test_names_of_every_script_are_welcome(client, db, username):
    assert register(client, username, email="other@example.org").status_code == 303
    assert names(db) == [username]


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
def test_addresses_that_no_mail_could_reach_are_refused(client, db, mails, run_jobs, email):
    assert register(client, email=email).status_code == 422
    assert names(db) == []
    run_jobs()
    assert len(mails) == 0


@pytest.mark.parametrize("email", ["ANA@EXAMPLE.ORG", "Ana@example.ORG", "\uff41na@example.org"])
def test_addresses_are_unique_after_folding(client, db, email):
    a_user("ana")
    assert register(client, "ben", email=email).status_code == 422
    assert names(db) == ["ana"]


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
def test_passwords_that_anybody_would_try_are_refused(client, db, password):
    assert register(client, "catherina", password=password).status_code == 422
    assert names(db) == []


def test_a_huge_password_is_not_even_hashed(client, db, monkeypatch):
    monkeypatch.setattr("app.accounts.passwords.generate_password_hash", pytest.fail)
    monkeypatch.setattr("app.accounts.passwords.check_password_hash", pytest.fail)
    huge = "aB3 " * 40_000
    assert register(client, password=huge).status_code == 422
    assert log_in(client, "ana", huge).status_code == 422


def test_the_two_passwords_must_agree(client, db):
    assert register(client, password2="something else 9").status_code == 422
    assert names(db) == []


def test_a_password_never_comes_back_in_a_page(client, db):
    answer = register(client, "admin", password="canary swims 99", password2="canary swims 99")
    assert answer.status_code == 422
    assert "canary swims" not in answer.text


def test_eight_browsers_register_one_name_at_once(app, db):
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
    assert names(db) == ["ana"]


def test_somebody_takes_the_name_between_the_look_and_the_insert(client, db, monkeypatch):
    a_user("ana")
    asked = []

    def blind_at_first(**wanted):
        asked.append(wanted)
        return set() if len(asked) == 1 else {"username"}

    monkeypatch.setattr("app.accounts.queries.taken", blind_at_first)
    answer = register(client, "ana", email="other@example.org")
    assert answer.status_code == 422
    assert len(asked) == 2
    assert not is_logged_in(client)


def test_fields_that_the_form_does_not_have_change_nothing(client, db):
    extra = {"is_admin": "1", "active": "0", "id": "77", "email_confirmed_at": "2020-01-01", "user_id": "1"}
    assert register(client, **extra, password_hash="x", name="Admin", language="xx").status_code == 303
    user = the_user()
    assert (user.active, user.name, user.email_confirmed_at) == (True, "", None)
    assert user.id != 77


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/reset_password_request"])
@pytest.mark.parametrize("body", ["5", "null", "[]", '"ana"', "{", '{"username": ["ana"]}', "[" * 50_000])
def test_json_in_place_of_a_form_is_only_a_wrong_form(client, db, path, body):
    token = {"X-CSRFToken": client.csrf_token()}
    answer = client.post(path, data=body, content_type="application/json", headers=token)
    assert answer.status_code in {400, 415, 422}


def test_a_field_sent_twice_counts_once(client, db):
    answer = register(client, username=["ana", "ben"])
    assert answer.status_code in {303, 422}
    assert names(db) in (["ana"], [])


def test_a_file_in_place_of_a_field_is_a_wrong_form(client, db):
    answer = register(client, username=(BytesIO(b"ana"), "ana.txt"))
    assert answer.status_code == 422


def test_the_mail_asks_to_confirm_and_only_a_post_does(client, db, mails, run_jobs):
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


def test_confirming_needs_no_login_and_gives_none(client, app, db, mails, run_jobs):
    register(client)
    run_jobs()
    elsewhere = a_browser(app)
    elsewhere.post_form(link_in(mails[0]))
    assert the_user().email_confirmed_at is not None
    assert not is_logged_in(elsewhere)


def test_a_member_who_opens_the_form_is_sent_home(as_):
    answer = as_("ana").get("/auth/register?next=/explore")
    assert urlsplit(answer.location).path == "/explore"


def test_registering_while_logged_in_ends_that_login(as_, db):
    browser = as_("ana")
    assert register(browser, "ben").status_code == 303
    assert [login.user.username for login in db.session.scalars(db.select(LoginSession))] == ["ben"]


def test_signup_floods_are_limited(client, db, rate_limits):
    answers = [register(client, "admin").status_code for _ in range(12)]
    assert answers == [422] * 10 + [429] * 2


def test_a_password_may_be_long_and_in_any_script(client, db, app):
    password = "пароль 密码 🔑 " * 40
    assert register(client, password=password).status_code == 303
    assert log_in(a_browser(app), "ana", password).status_code == 303


def test_a_password_is_the_same_however_the_keyboard_composes_it(client, db, app):
    register(client, password="garde-mange\u0301 9")
    assert log_in(a_browser(app), "ana", "garde-mang\u00e9 9").status_code == 303


def test_members_of_old_keep_their_passwords(client, db):
    a_member("ana", "short")  # the rules are for new passwords
    assert log_in(client, "ana", "short").status_code == 303
