from __future__ import annotations

import statistics
import time
from urllib.parse import urljoin, urlsplit

import pytest

from app.accounts import passwords
from app.models import LoginSession
from app.web import cookies
from tests.accounts.steps import (
    COOKIES,
    HOME,
    HOST,
    a_browser,
    a_member,
    is_logged_in,
    log_in,
    run_in_thread,
    stolen_browser,
    text_of,
    the_user,
)
from tests.factories import PASSWORD, a_user


def session_of(client):
    cookie = client.get_cookie("microblog_session", domain=HOST)
    return cookies.serializer(client.application).loads(cookie.value)


@pytest.mark.parametrize("name", ["ana", "ANA", " ana ", "\uff41na", "ana@example.org", "Ana@Example.ORG"])
def test_login_accepts_username_or_email_address_in_any_spelling(client, db, name):
    a_user("ana")
    answer = log_in(client, name)
    assert (answer.status_code, answer.location) == (303, HOME)
    assert is_logged_in(client)


def test_login_form_can_be_submitted_as_rendered_and_keeps_next(client, db):
    a_user("ana")
    fields = {"username": "ana", "password": PASSWORD}
    answer = client.submit("/auth/login?next=/auth/security", fields)
    assert (answer.status_code, answer.location) == (303, "/auth/security")


def test_members_only_page_redirects_to_login_and_back(client, db):
    a_user("ana")
    asked = client.get("/messages?before=7")
    assert asked.status_code == 302
    answer = client.submit(asked.location, {"username": "ana", "password": PASSWORD})
    assert answer.location == "/messages?before=7"


def test_login_row_stores_address_and_user_agent(client, db):
    user = a_user("ana")
    fields = {"username": "ana", "password": PASSWORD}
    agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0 " + "x" * 400
    client.post_form("/auth/login", fields, headers={"User-Agent": agent})
    [row] = db.session.scalars(db.select(LoginSession))
    assert (row.user_id, row.address, row.remembered) == (user.id, "127.0.0.1", False)
    assert row.user_agent == agent[:256]
    content = session_of(client)
    assert content[cookies.LOGIN_KEY] == row.id
    assert content[cookies.PERSON_KEY] == user.id
    assert the_user().last_login_at == row.created_at


def test_login_creates_a_new_session(client, db):
    a_user("ana")
    client.get("/auth/login")
    before = client.csrf_token()
    fixed = client.get_cookie("microblog_session", domain=HOST).value
    client.post("/auth/login", data={"csrf_token": before, "username": "ana", "password": PASSWORD})
    assert client.get_cookie("microblog_session", domain=HOST).value != fixed
    assert "csrf_token" not in session_of(client)
    assert "language" not in session_of(client)
    attacker = a_browser(client.application)
    attacker.set_cookie("microblog_session", fixed, domain=HOST)
    assert not is_logged_in(attacker)


def test_second_login_replaces_the_first_in_the_same_browser(client, db):
    a_user("ana")
    log_in(client)
    thief = stolen_browser(client, client.application)
    log_in(client)
    assert db.session.scalar(db.select(db.func.count(LoginSession.id))) == 1
    assert is_logged_in(client)
    assert not is_logged_in(thief)


def test_without_remember_me_the_cookie_expires_with_the_browser_session(client, db):
    a_user("ana")
    answer = log_in(client)
    [cookie] = [one for one in answer.headers.getlist("Set-Cookie") if not one.startswith("microblog_device=")]
    assert cookie.startswith("microblog_session=")
    assert "Expires" not in cookie and "Max-Age" not in cookie


def test_remember_me_outlives_the_session_cookie(client, app, db):
    a_user("ana")
    log_in(client, remember=True)
    later = stolen_browser(client, app, "microblog_remember")
    assert later.get("/auth/security").status_code == 200
    content = session_of(later)  # restored whole, so the idle poll is cheap again
    assert content[cookies.PERSON_KEY] == the_user().id
    assert content[cookies.LOGIN_KEY] == db.session.scalars(db.select(LoginSession.id)).one()
    assert is_logged_in(later)


def test_changed_remember_cookie_is_rejected(client, app, db):
    a_user("ana")
    log_in(client, remember=True)
    value = client.get_cookie("microblog_remember", domain=HOST).value
    for changed in (
        value[:-1] + ("0" if value[-1] != "0" else "1"),
        "x" + value,
        value.split("|")[0],
        "",
        "|",
        "x" * 3900,
    ):
        thief = a_browser(app)
        thief.set_cookie("microblog_remember", changed, domain=HOST)
        assert not is_logged_in(thief)


@pytest.mark.parametrize(
    "junk", ["x", "." * 200, "eyJfdXNlcl9pZCI6IjEifQ.sig", "A" * 3900, '"', "%00", "=?utf-8?", "e30.Zm9v.YmFy"]
)
def test_invalid_session_cookie_is_rejected(client, db, junk):
    for name in COOKIES:
        client.set_cookie(name, junk, domain=HOST)
    assert client.get("/auth/login").status_code == 200
    assert client.get("/notifications").status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "microblog_session=" + "x" * 7000,
        "microblog_remember=" + "x" * 20_000,
        "; ".join(f"c{number}=x" for number in range(200)),
        "microblog_session=a; microblog_session=b; microblog_remember=\xff\xfe",
        ";;;=;",
    ],
)
def test_oversized_cookies_are_rejected(client, db, header):
    assert client.get("/auth/login", headers={"Cookie": header}).status_code == 200
    assert client.get("/notifications", headers={"Cookie": header}).status_code == 401


def test_cookie_flags_in_production(make_app, db):
    app = make_app(public_url="https://microblog.test")
    a_user("ana")
    client = app.test_client()
    fields = {"username": "ana", "password": PASSWORD, "remember_me": "y", "csrf_token": client.csrf_token()}
    answer = client.post("/auth/login", data=fields, headers={"Referer": "https://microblog.test/auth/login"})
    assert answer.status_code == 303
    set_cookies = answer.headers.getlist("Set-Cookie")
    assert sorted(cookie.split("=")[0] for cookie in set_cookies) == [
        "microblog_device",
        "microblog_remember",
        "microblog_session",
    ]
    for cookie in set_cookies:
        assert "; Secure" in cookie
        assert "; HttpOnly" in cookie
        assert "; SameSite=Lax" in cookie
        assert "Domain" not in cookie


ELSEWHERE = [
    "https://evil.example",
    "http://evil.example/",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http:///evil.example",
    "http:evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\r\n/evil.example",
    "/ok\r\nLocation: https://evil.example",
    "/ok\r\nSet-Cookie: a=b",
    "/%0d%0aLocation:%20https://evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "ftp://evil.example",
    "evil.example",
    "evil.example/..;/",
    "@evil.example",
    "http://microblog.test@evil.example/",
    "http://microblog.test.evil.example/",
    "//microblog.test@evil.example",
    "http://[::1]/",
    "http://[evil",
    "?next=//evil.example",
    "#//evil.example",
    "\x00//evil.example",
    "\u3000//evil.example",
    "\uff0f\uff0fevil.example",
    "/" + "a" * 5000,
    "",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_never_redirects_to_another_site(client, db, target):
    a_user("ana")
    answer = log_in(client, next=target)
    assert answer.status_code == 303
    assert "\n" not in answer.location and "\r" not in answer.location
    assert "Set-Cookie: a=b" not in str(answer.headers)
    as_a_browser_reads_it = answer.location.replace("\\", "/").replace("\t", "").strip()
    where = urlsplit(urljoin("http://microblog.test/auth/login", as_a_browser_reads_it))
    assert (where.scheme, where.netloc) == ("http", HOST)
    member = client.get("/auth/login", query_string={"next": target})  # a member is sent on at once
    assert urlsplit(urljoin("http://microblog.test/", member.location)).netloc == HOST


@pytest.mark.parametrize("target", ["/", "/explore", "/user/ana?before=3", "/search?q=%23tea&x=1#top"])
def test_next_redirects_to_pages_of_the_site(client, db, target):
    a_user("ana")
    assert log_in(client, next=target).location == target


def test_unknown_username_and_wrong_password_get_the_same_answer(client, db):
    a_user("ana")
    a_user("cat", active=False)
    tries = [("ana", "wrong password"), ("nobody", "wrong password"), ("cat", PASSWORD), ("no@example.org", PASSWORD)]
    answers = [log_in(client, *attempt) for attempt in tries]
    assert {answer.status_code for answer in answers} == {422}
    texts = {text_of(answer).replace(name, "NAME") for answer, (name, _) in zip(answers, tries, strict=True)}
    assert len(texts) == 1
    assert not is_logged_in(client)


@pytest.mark.one_database
@pytest.mark.slow
def test_unknown_username_and_wrong_password_take_the_same_time(client, db, slow_hashes):
    a_member("ana")
    took = {"ana": [], "nobody": []}
    log_in(client, "nobody", "wrong password")
    for _ in range(7):
        for name, times in took.items():
            start = time.perf_counter()
            log_in(client, name, "wrong password")
            times.append(time.perf_counter() - start)
    known, unknown = (statistics.median(times) for times in took.values())
    assert 1 / 1.5 < known / unknown < 1.5


def test_real_hashes_and_the_dummy_hash_use_slow_scrypt(slow_hashes):
    for found in (passwords._dummy_hash(), passwords.hash_password("some password")):
        assert found.split("$")[0] == "scrypt:32768:8:1"
    assert not passwords.verify(None, "a password that nobody has")
    assert passwords.verify(passwords.hash_password("some password"), "some password")


@pytest.mark.parametrize(
    ("name", "password"),
    [("", ""), ("ana", ""), ("", PASSWORD), ("a\0na", PASSWORD), ("ana", "a\0b"), ("ana" * 5000, PASSWORD), ("@", "x")],
)
def test_malformed_input_is_an_ordinary_failed_login(client, db, name, password):
    a_user("ana")
    assert log_in(client, name, password).status_code == 422


def test_login_without_csrf_token_is_rejected(client, db):
    a_user("ana")
    assert client.post("/auth/login", data={"username": "ana", "password": PASSWORD}).status_code == 400
    assert db.session.scalar(db.select(db.func.count(LoginSession.id))) == 0


def test_login_fails_if_password_changes_during_the_check(client, db, monkeypatch):
    a_user("ana")
    right = passwords.verify

    def slow_check(known, password):
        monkeypatch.setattr(passwords, "verify", right)
        run_in_thread(change_it)
        return right(known, password)

    def change_it():
        other = a_browser(client.application)
        assert log_in(other).status_code == 303
        changed = {"old_password": PASSWORD, "password": "granite swallow 41", "password2": "granite swallow 41"}
        assert other.post_form("/auth/security/password", changed).status_code == 303

    monkeypatch.setattr(passwords, "verify", slow_check)
    assert log_in(client).status_code == 422
    assert not is_logged_in(client)


def test_no_transaction_is_open_while_password_is_checked(client, db, monkeypatch):
    a_user("ana")
    open_ones = []
    right = passwords.verify

    def look(known, password):
        open_ones.append(db.session().in_transaction())
        return right(known, password)

    monkeypatch.setattr(passwords, "verify", look)
    log_in(client)
    log_in(client)  # now as a member, whose session was loaded first
    assert open_ones == [False, False]


def test_guesses_for_one_account_are_limited_across_spellings(client, app, db, rate_limits):
    a_user("ana")
    spellings = ["ana", "ANA", "Ana", "\uff41na", "aNa"]
    answers = []
    for number in range(12):
        guesser = a_browser(app)
        fields = {"username": spellings[number % 5], "password": "wrong", "csrf_token": guesser.csrf_token()}
        answers.append(
            guesser.post(
                "/auth/login",
                data=fields,
                headers={"X-Forwarded-For": f"198.51.100.{number}"},
                environ_overrides={"REMOTE_ADDR": f"203.0.113.{number}"},
            )
        )
    assert [answer.status_code for answer in answers] == [422] * 10 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 300


def test_login_attempts_from_one_address_are_limited(app, db, rate_limits):
    statuses = []
    for number in range(52):
        guesser = a_browser(app)
        fields = {"username": f"member{number}", "password": "x" * 1500, "csrf_token": guesser.csrf_token()}
        answer = guesser.post(
            "/auth/login",
            data=fields,
            headers={"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"},
            environ_overrides={"REMOTE_ADDR": f"2001:db8:1:2::{number:x}"},  # one /64 is one customer
        )
        statuses.append(answer.status_code)
    assert statuses == [422] * 50 + [429] * 2
    assert answer.headers["Retry-After"]
