"""What nobody may read anywhere: passwords and links."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.extensions import Base
from tests.accounts.steps import link_in, log_in, register
from tests.factories import a_user

CANARY = "canary swims at dawn 88"


def everything_stored(db):
    """All rows of all tables as one text."""
    rows = []
    for table in Base.metadata.sorted_tables:
        rows.extend(str(tuple(row)) for row in db.session.execute(sa.select(table)))
    return "\n".join(rows)


def logged(caplog):
    """What our side logged; the test's own mail server logs all it gets."""
    return "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")


def test_password_is_never_stored_logged_or_shown(client, db, caplog, mails, run_jobs):
    caplog.set_level(logging.DEBUG)
    pages = [register(client, password=CANARY)]
    pages.append(log_in(client, "ana", CANARY + "x"))
    pages.append(log_in(client, "ana", CANARY))
    wrong = {"old_password": CANARY + "y", "password": CANARY + "z", "password2": CANARY}
    pages.append(client.post_form("/auth/security/password", wrong))
    right = {"old_password": CANARY, "password": CANARY + "z", "password2": CANARY + "z"}
    pages.append(client.post_form("/auth/security/password", right))
    pages.append(client.post_form("/auth/security/email", {"email": "no", "current_password": CANARY + "z"}))
    pages.append(client.get("/auth/security"))
    run_jobs()
    assert [page.status_code for page in pages] == [303, 422, 303, 422, 303, 422, 200]
    assert len(mails) == 2  # the confirmation and the notice
    told = [page.text for page in pages] + [mail.message.as_string() for mail in mails]
    assert CANARY not in "\n".join([*told, everything_stored(db), logged(caplog)])


def test_password_is_not_leaked_by_a_server_error(client, db, caplog, monkeypatch, configure, mails, run_jobs):
    configure(ADMINS=("boss@example.org",))
    monkeypatch.setattr("app.accounts.passwords.hash_password", lambda password: 1 / 0)
    answer = register(client, password=CANARY)
    run_jobs()
    assert answer.status_code == 500
    assert CANARY not in answer.text + caplog.text + everything_stored(db)
    assert [mail.envelope_to for mail in mails] == [["boss@example.org"]]
    assert CANARY not in mails[0].message.as_string()


def test_failed_statement_does_not_contain_its_parameters(db):
    a_user("ana")
    with pytest.raises(IntegrityError) as caught:
        a_user("ana", email=f"{CANARY}@example.org", about_me=CANARY)
    db.session.rollback()
    assert CANARY not in str(caught.value)


def test_link_token_appears_only_in_its_email(client, db, caplog, mails, run_jobs):
    caplog.set_level(logging.DEBUG)
    register(client)
    run_jobs()
    token = link_in(mails[0]).rpartition("/")[2]
    assert token not in everything_stored(db) + logged(caplog)
    answer = client.get(f"/auth/confirm/{token}")
    assert token not in answer.text.replace(f'action="/auth/confirm/{token}"', "")
