"""The harness itself: what every other test takes for granted."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import select

from app.models import User
from tests.factories import a_message, a_user


def test_requested_database_is_used(db, database):
    assert db.engine.dialect.name == database.kind


@pytest.mark.parametrize("_again", [1, 2])
def test_every_test_starts_with_empty_stores(db, valkey, mails, _again):
    assert db.session.scalars(select(User)).all() == []
    assert valkey.client.dbsize() == 0
    assert len(mails) == 0
    a_user("ana")
    valkey.client.set("left", "over")


def test_network_access_is_limited_to_this_machine():
    with socket.socket() as outward, pytest.raises(RuntimeError, match="only this machine"):
        outward.connect(("192.0.2.1", 80))


def test_request_and_test_use_separate_sessions(as_, db):
    ana = as_("ana")
    assert ana.get("/notifications").status_code == 200
    ana.user.about_me = "seen by the next request"
    ana.get("/notifications")
    db.session.rollback()
    assert ana.user.about_me == "seen by the next request"


def test_client_post_without_csrf_token_is_rejected(as_):
    assert as_("ana").post("/language", data={"language": "en"}).status_code == 400
    assert as_("ana").post_form("/language", {"language": "en"}).status_code == 303


def test_jobs_and_email_are_real(as_, db, run_jobs, mails):
    ana, ben = a_user("ana"), a_user("ben")
    a_message(ana, ben, "See you at nine")
    run_jobs(advance=60)
    assert [mail.envelope_to for mail in mails] == [["ben@example.org"]]


def test_statements_are_counted(as_, queries):
    ana = as_("ana")
    with queries() as asked:
        assert ana.user.username
        ana.get("/notifications?since=1")
    assert len(asked) >= 2, asked
