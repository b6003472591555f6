"""Connections to PostgreSQL: enough for all threads, and a new one in place of one that the server has closed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from sqlalchemy import create_engine, text

from app.core import postgresql

URL = "postgresql://microblog@localhost/microblog"
PID = text("SELECT pg_backend_pid()")


@pytest.fixture
def engine(db):
    """An engine of a process with two request threads."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("about PostgreSQL")
    url = db.engine.url.render_as_string(hide_password=False)
    made = create_engine(url, **postgresql.engine_options(url, threads=2, prepare=True), pool_timeout=0.1)
    yield made
    made.dispose()


def pid(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(PID)


@pytest.fixture
def executed(monkeypatch):
    """What was sent past SQLAlchemy's cursors."""
    seen, real = [], psycopg.Connection.execute

    def execute(connection, *arguments, **options):
        seen.append(arguments[0])
        return real(connection, *arguments, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    return seen


def end(db, backend: int) -> None:
    db.session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
    db.session.commit()


def test_a_connection_that_the_server_closed_is_replaced(db, engine):
    before = pid(engine)
    assert pid(engine) == before
    end(db, before)
    assert pid(engine) != before


def test_a_connection_that_is_used_often_is_not_tested(engine, executed):
    pid(engine)
    pid(engine)
    assert executed == []


def test_a_connection_that_was_idle_for_long_is_tested(engine, executed, monkeypatch):
    monkeypatch.setattr(postgresql, "PING_AFTER", 0.0)
    before = pid(engine)
    assert pid(engine) == before
    assert executed == [""]


def test_one_that_does_not_answer_any_more_is_replaced(engine, monkeypatch):
    def fail(*_arguments, **_options):
        raise psycopg.OperationalError("a firewall has dropped it")

    before = pid(engine)
    monkeypatch.setattr(postgresql, "PING_AFTER", 0.0)
    monkeypatch.setattr(psycopg.Connection, "execute", fail)
    assert pid(engine) != before


def test_no_other_connection_is_tested_after_one_did_not_answer(engine, monkeypatch):
    """Each test may last until TCP gives up."""
    failed = []

    def fail(*_arguments, **_options):
        failed.append(1)
        raise psycopg.OperationalError("a firewall has dropped it")

    def two_at_once() -> set[int]:
        with engine.connect() as one, engine.connect() as other:
            return {one.scalar(PID), other.scalar(PID)}

    before = two_at_once()
    monkeypatch.setattr(postgresql, "PING_AFTER", 0.0)
    monkeypatch.setattr(psycopg.Connection, "execute", fail)
    assert before.isdisjoint(two_at_once())
    assert len(failed) == 1


def test_all_threads_have_two_connections_at_once(engine):
    together = Barrier(2, timeout=20)

    def request() -> set[int]:
        with engine.connect() as session, engine.connect() as separate:
            together.wait()
            return {session.scalar(PID), separate.scalar(PID)}

    with ThreadPoolExecutor(2) as threads:
        found = [future.result() for future in [threads.submit(request), threads.submit(request)]]
    assert len(found[0] | found[1]) == 4


def test_options_of_the_url_count():
    assert (
        "connect_timeout"
        not in postgresql.engine_options(f"{URL}?connect_timeout=9", threads=4, prepare=True)["connect_args"]
    )
    usual = postgresql.engine_options(URL, threads=4, prepare=True)
    assert (usual["pool_size"], usual["connect_args"]["connect_timeout"]) == (8, 5)


def test_prepared_statements_can_be_turned_off(make_app):
    assert postgresql.engine_options(URL, threads=4, prepare=False)["connect_args"]["prepare_threshold"] is None
    app = make_app(database_url=URL, prepared_statements=False)
    assert app.config["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]["prepare_threshold"] is None
