"""The test harness: real services on this machine, nothing mocked between a request and the mail it causes.

Run `pytest` (SQLite), `pytest --database=postgresql` (PostgreSQL 18 from a wheel) or `pytest --database=both`.
With `-n 2` each of the two processes has its own databases, Valkey and mail server. Connections beyond 127.0.0.1
raise. Warnings are errors.

A test that uses no database (neither `app` nor `db`) runs once. A test marked `one_database` is about something that
depends on no database, such as files, Redis or the bytes of a request, and runs once, too. A test marked `slow` runs in
`make test-all`. On both databases, PostgreSQL gets the first case of a parametrized test in `make test`, and every case
in `make test-all`.

Fixtures, what a test of a feature needs most first:

    as_(who)            a logged-in browser of a person: as_("ana") makes ana if need be, as_(user) takes a row;
                        as_(user).user is the row
    client              a browser of nobody
      .get(path), .post(path, data=...)         as in Flask; .post has no CSRF token, so it is refused
      .post_form(path, {"post": "hi"})          with a good CSRF token; loads no page first
      .submit(page, {"post": "hi"}, action=...) loads `page`, fills its form (hidden fields too), sends it
      .follow(response)                         GET where a redirect points to
    db                  an app context with `db.session` for the test's own reading and factories. It is never the
                        session of a request or a job: what you hold is committed before each, and expired after.
                        Call actions directly and `db.session.commit()`
    run_jobs()          performs the due jobs and those they order; run_jobs(advance=60) lets 60 s pass for delayed
                        ones; a job that fails is an AssertionError unless run_jobs(may_fail=True). Returns the rows
    mails               what the mail server got: len(mails), mails[0].subject/.text/.html/.to/.message_id,
                        mails.to("ana@example.org"); mails.mode = "4xx" | "5xx" | "5xx-address" | "hang" | "drop";
                        mails.refuse() closes the port
    queries()           `with queries() as asked: client.get("/")`, then `assert len(asked) <= 2, asked`
    configure(...)      configure(POSTS_PER_PAGE=3): app.config for this test
    own_folder          an empty DATA_DIR for this test
    rate_limits         turns the rate limits on for this test (they are off)
    app, settings       the app and its Settings, one for the whole session
    valkey              the Valkey server: .client, .signal(SIGSTOP), .stop(), .start()
    make_app(**values)  another app with other settings on the same database; for what is decided at boot
    database            where the data is; database.copy() is a second, empty, migrated one (tests/faults)

Rows: tests/factories.py (a_user, a_post, a_follow, a_message, a_login). Real processes: tests/support/processes.py.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from app import cli, create_app
from app.accounts import passwords
from app.config import Settings
from app.core.database import set_read_mode
from app.core.redis_client import Breaker
from app.extensions import db as the_db
from app.extensions import limiter
from app.models import User
from app.queries import people
from app.web import cookies
from tests.factories import QUICK_METHOD, a_login, columns_of
from tests.support import lock_watch, run_order
from tests.support.client import Browser
from tests.support.databases import PATIENCE, Database, make_database
from tests.support.folders import SECRET_KEY, make_data_dir, memory_folder
from tests.support.jobs import run_due_jobs
from tests.support.network import forbid_the_network
from tests.support.smtp import Mailbox
from tests.support.sql import counted, empty
from tests.support.valkey import Valkey

SITE = "http://microblog.test"
SLOW_METHOD = passwords.METHOD

# A machine that is busy must not fail a test: speed is measured in bench/, against a baseline.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database`."""
    parser.addoption(
        "--database", choices=("sqlite", "postgresql", "both"), default="sqlite", help="the database to test on"
    )


def pytest_configure() -> None:
    """Keep the files of the tests in memory where possible."""
    if folder := memory_folder():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses the database once for each kind."""
    if "database" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("database")
        kinds = ["sqlite", "postgresql"] if chosen == "both" else [chosen]
        if metafunc.definition.get_closest_marker("one_database"):
            kinds = kinds[:1]
        metafunc.parametrize("database", kinds, indirect=True, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Complete the marks before pytest selects by them, and order the tests that are left."""
    if config.getoption("database") == "both":
        run_order.mark_later_cases_slow(items)
    yield
    run_order.start_long_tests_first(items)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from examining the code and all tests again and again: a tenth of the CPU time."""
    _forget_garbage()


def _forget_garbage() -> None:
    gc.collect()  # else its warnings, such as of an unclosed file, would never come
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> None:
    """Everything but loopback is out of reach."""
    forbid_the_network()


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Hashing a password takes no time, but where a test asks for `slow_hashes`."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(passwords, "METHOD", QUICK_METHOD)
        yield


@pytest.fixture
def slow_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords are hashed as on a real site."""
    monkeypatch.setattr(passwords, "METHOD", SLOW_METHOD)
    passwords._dummy_hash.cache_clear()
    yield
    passwords._dummy_hash.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def no_slow_work_under_the_write_lock() -> Iterator[None]:
    """Requests and jobs do nothing slow while they hold SQLite's write lock (tests/support/lock_watch.py)."""
    with lock_watch.watched():
        yield


@pytest.fixture(scope="session")
def database_by_kind() -> Iterator[dict[str, Database]]:
    """The databases of this test process. Each is started when the first test needs it, and kept to the end."""
    started: dict[str, Database] = {}
    yield started
    for one in started.values():
        one.stop()


@pytest.fixture(scope="session")
def database(
    request: pytest.FixtureRequest,
    database_by_kind: dict[str, Database],
    tmp_path_factory: pytest.TempPathFactory,
) -> Database:
    """The migrated database under test."""
    kind = request.param
    if kind not in database_by_kind:
        database_by_kind[kind] = make_database(kind, tmp_path_factory.mktemp(kind))
    return database_by_kind[kind]


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The Valkey server of this test process."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mail_server() -> Iterator[Mailbox]:
    """The SMTP server of this test process."""
    box = Mailbox()
    box.start()
    yield box
    box.stop()


def _settings(database: Database, valkey: Valkey, mail_server: Mailbox, data_dir: Path) -> Settings:
    return Settings(
        microblog_env="test",
        data_dir=data_dir,
        public_url=SITE,
        secret_key=SECRET_KEY,
        database_url=database.url,
        sqlite_timeout=PATIENCE,
        redis_url=valkey.url,
        mail_server="127.0.0.1",
        mail_port=mail_server.port,
        mail_default_sender="Microblog <noreply@microblog.test>",
        web_threads=32,  # the explored schedules of tests/badge hold many requests open at once
        mail_timeout=4,  # a busy machine has answered after more than one
    )


def _make(settings: Settings) -> Flask:
    app = create_app(settings)
    cli.init_app(app)
    app.test_client_class = Browser
    # This process is busy with the tests all the time, and they move its clock; polls must not be shed for that.
    vars(app.extensions["web_load"]).update(_cpu=lambda: 0.0, _clock=lambda: 0.0)
    return app


def _close(app: Flask) -> None:
    with app.app_context():
        the_db.engine.dispose()
    app.extensions["redis"].close()


@pytest.fixture(scope="session")
def app_by_kind() -> Iterator[dict[str, Flask]]:
    """The app on each kind of database, created when the first test needs it, and kept to the end: a boot is slow."""
    created: dict[str, Flask] = {}
    yield created
    for one in created.values():
        _close(one)


@pytest.fixture(scope="session")
def app_of_session(
    database: Database,
    valkey_server: Valkey,
    mail_server: Mailbox,
    app_by_kind: dict[str, Flask],
    tmp_path_factory: pytest.TempPathFactory,
) -> Flask:
    """The app on the database under test. State belongs in the stores, so one app serves all tests."""
    if database.kind not in app_by_kind:
        data_dir = make_data_dir(tmp_path_factory.mktemp("var"))
        settings = _settings(database, valkey_server, mail_server, data_dir)
        app_by_kind[database.kind] = _make(settings)
        _forget_garbage()
    return app_by_kind[database.kind]


@pytest.fixture(scope="session")
def settings(app_of_session: Flask) -> Settings:
    """The settings under test."""
    settings: Settings = app_of_session.config["SETTINGS"]
    return settings


@pytest.fixture
def app(app_of_session: Flask, valkey_server: Valkey, database: Database) -> Iterator[Flask]:
    """The app on empty stores, with the rate limits off."""
    limiter.enabled = False
    yield app_of_session
    limiter.enabled = False
    valkey_server.flush()


@pytest.fixture
def db(app: Flask) -> Iterator[SQLAlchemy]:
    """The test's own session, in an app context that no request or job shares. Emptied afterwards."""
    context = app.app_context()
    context.push()
    set_read_mode(True)
    try:
        yield the_db
    finally:
        the_db.session.remove()
        empty(the_db.engine)
        context.pop()
        set_read_mode(False)


@pytest.fixture
def client(app: Flask, db: SQLAlchemy) -> Browser:
    """A browser of nobody."""
    return _browser(app)


def _browser(app: Flask) -> Browser:
    client = app.test_client()
    assert isinstance(client, Browser)
    return client


@pytest.fixture
def as_(app: Flask, db: SQLAlchemy) -> Callable[..., Browser]:
    """A logged-in browser of a person; `on` is another app from make_app."""

    def log_in(who: str | User, on: Flask | None = None) -> Browser:
        person = (people.by_username(who) or User(**columns_of(who))) if isinstance(who, str) else who
        db.session.add(person)
        login = a_login(person)  # one commit for both
        browser = _browser(on or app)
        content = {cookies.LOGIN_KEY: login.id, cookies.PERSON_KEY: person.id, "_fresh": True}
        browser.set_cookie(
            app.config["SESSION_COOKIE_NAME"],
            cookies.serializer(on or app).dumps(content),
            domain=SITE.removeprefix("http://"),
            httponly=True,
            samesite="Lax",
        )
        browser.user = person
        return browser

    return log_in


@pytest.fixture
def run_jobs(app: Flask, db: SQLAlchemy, mails: Mailbox) -> Callable[..., Any]:
    """Perform what is due."""

    def run(advance: float = 0, *, may_fail: bool = False) -> Any:
        return run_due_jobs(app, advance=advance, may_fail=may_fail)

    return run


@pytest.fixture
def mails(mail_server: Mailbox) -> Iterator[Mailbox]:
    """What the mail server got in this test."""
    mail_server.clear()
    yield mail_server
    mail_server.clear()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Iterator[Valkey]:
    """The Valkey server, running again after the test whatever was done to it."""
    yield valkey_server
    valkey_server.revive()


@pytest.fixture
def queries() -> Any:
    """Count SQL statements in a block."""
    return counted


@pytest.fixture
def configure(app: Flask) -> Iterator[Callable[..., None]]:
    """Change app.config for one test. Languages, limits and lengths are read from it at each request."""
    before = dict(app.config)

    def change(**values: Any) -> None:
        unknown = set(values) - set(before)
        assert not unknown, f"no such setting: {unknown}"
        app.config.update(values)

    yield change
    app.config.clear()
    app.config.update(before)


@pytest.fixture
def own_folder(configure: Callable[..., None], tmp_path: Path) -> Iterator[None]:
    """A store of pictures for this test."""
    configure(DATA_DIR=tmp_path)
    yield
    gc.collect()


@pytest.fixture
def rate_limits(app: Flask) -> Iterator[None]:
    """The rate limits as they are in use."""
    if (fallback := limiter._fallback_storage) is not None:
        fallback.reset()  # what was counted in memory while Valkey was slow would count for the people of this test
    limiter._storage_dead = False  # else a test would begin in memory, and go on in Valkey with new counts
    limiter.enabled = True
    yield
    limiter.enabled = False


@pytest.fixture
def make_app(app: Flask, settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Another app on the same stores."""
    made = []

    def make(**values: Any) -> Flask:
        made.append(_make(replace(settings, **values)))
        limiter.enabled = False
        return made[-1]

    yield make
    for one in made:
        _close(one)


@pytest.fixture(autouse=True)
def breaker_closed(request: pytest.FixtureRequest) -> None:
    """A test that took Redis away leaves no open circuit breaker to the next one."""
    if "app" in request.fixturenames:
        # The same object: the idle poll holds on to it.
        vars(request.getfixturevalue("app").extensions["redis_breaker"]).update(vars(Breaker()))
