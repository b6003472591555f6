"""Two transactions that meet: one may wait for the other, and no two wait for each other."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread

import pytest
from sqlalchemy import select, update

from app.accounts.actions import email_links, log_in, passwords
from app.core.database import set_read_mode
from app.core.exceptions import ActionError
from app.models import MailToken, User
from app.posts.actions import request_export
from tests.factories import a_message, a_user
from tests.support.databases import PATIENCE

pytestmark = pytest.mark.slow

MOMENT = 0.5  # seconds in which the other one gets as far as it can


@contextmanager
def run_concurrently(app, act: Callable[[], object]) -> Iterator[Thread]:
    """Do `act` in another thread, as another process would; its exception is raised at the end."""
    failed: list[Exception] = []

    def elsewhere() -> None:
        try:
            with app.app_context():
                act()
        except Exception as error:
            failed.append(error)

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join(MOMENT)
    yield thread
    thread.join(15)
    assert not thread.is_alive()
    for error in failed:
        raise error


@pytest.fixture
def people(db):
    ana, ben = a_user("ana"), a_user("ben")
    db.session.commit()
    set_read_mode(False)
    return ana.id, ben.id


def test_message_can_be_sent_while_its_recipient_starts_an_export(app, db, people):
    """The badge's new row refers to the person's, which ordering has locked: that must not keep the answer waiting,
    as its writer may hold the clock that ordering takes last.
    """
    ana, ben = people
    a_message(db.session.get_one(User, ana), db.session.get_one(User, ben))
    request_export(db.session.get_one(User, ana))
    with run_concurrently(
        app, lambda: a_message(db.session.get_one(User, ben), db.session.get_one(User, ana))
    ) as answer:
        if db.engine.dialect.name == "postgresql":
            answer.join(PATIENCE / 2)
        waited = answer.is_alive()
        db.session.commit()
    assert not waited or db.engine.dialect.name == "sqlite"  # where only one writes at a time


def test_link_can_be_used_while_its_owner_logs_in(app, db, people):
    """Both touch the person's row and the links."""
    ana, _ben = people
    email_links.enqueue_link(db.session.get_one(User, ana), "reset", "ana@example.org")
    db.session.commit()

    def log_in_elsewhere() -> None:
        with suppress(ActionError):  # when it has read the password that is replaced meanwhile
            log_in(db.session.get_one(User, ana), user_agent="", address="", remember=False)

    email_links.use_up(db.session.scalars(select(MailToken)).one())
    with run_concurrently(app, log_in_elsewhere):
        passwords._replace(db.session.get_one(User, ana), "another hash")
        db.session.commit()


def test_page_does_not_wait_for_the_lock_to_update_last_seen(app, db, as_):
    browser = as_("ana")
    db.session.execute(update(User).values(about_me="in the making"))
    with run_concurrently(app, lambda: browser.get("/messages")) as page:
        page.join(PATIENCE / 2)  # who waits for the lock does so for longer
        waited = page.is_alive()
        db.session.rollback()
    assert not waited


def test_locked_database_returns_503_without_a_second_wait(db, as_, make_app):
    """The error page reads, so it need not wait for the lock a second time."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite locks everything")
    timeout = 4  # seconds: a busy machine may add half of it
    ana = as_("ana", on=make_app(sqlite_timeout=timeout))
    db.session.commit()
    with closing(sqlite3.connect(db.engine.url.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        answer = ana.post_form("/post", {"post": "kept by the browser"})
        waited = time.monotonic() - started
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert waited < 1.9 * timeout


def test_unreachable_database_returns_503(app, as_, make_app):
    away = make_app(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    ana = as_("ana", on=away)
    answers = [ana.get("/"), ana.post_form("/post", {"post": "kept by the browser"}), ana.get("/notifications?since=0")]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert answers[2].is_json
