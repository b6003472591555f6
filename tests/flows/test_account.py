"""The account flow: register, confirm, forget, reset; and what was stolen is worth nothing."""

from __future__ import annotations

import re

from sqlalchemy import select

from app.models import User
from tests.factories import PASSWORD

NEW = "granite swallow 41"


def link(mail, path: str) -> str:
    found = re.search(rf"http://microblog\.test({path}/\S+)", mail.text)
    assert found, mail.text
    return found.group(1)


def test_forgotten_password_can_be_reset_by_email(app, client, db, run_jobs, mails):
    fields = {"username": "ana", "email": "ana@example.org", "password": PASSWORD, "password2": PASSWORD}
    assert client.submit("/auth/register", fields).status_code == 303
    run_jobs()
    confirm = link(mails[-1], "/auth/confirm")
    client.submit(confirm, action=confirm)
    assert db.session.scalars(select(User)).one().email_confirmed_at is not None

    # Somebody copied the cookie; ana forgets her password and resets it elsewhere.
    stolen = client.get_cookie("microblog_session", domain="microblog.test").value
    elsewhere = app.test_client()
    elsewhere.submit("/auth/reset_password_request", {"email": "ANA@example.org"})
    run_jobs()
    reset = link(mails[-1], "/auth/reset_password")
    assert elsewhere.submit(reset, {"password": NEW, "password2": NEW}).status_code == 303
    thief = app.test_client()
    thief.set_cookie("microblog_session", stolen, domain="microblog.test")
    assert thief.get("/notifications").status_code == 401
    assert thief.get("/").status_code == 302

    # The link worked once; the old password is dead, the new one is not.
    again = app.test_client()
    assert "password2" not in again.get(reset, follow_redirects=True).text
    refused = again.submit("/auth/login", {"username": "ana", "password": PASSWORD})
    assert refused.status_code != 303
    assert again.submit("/auth/login", {"username": "ana", "password": NEW}).status_code == 303
    assert again.get("/notifications").status_code == 200
