"""The message flow, as two people live it: from registering to a badge, a mail, and a mail that is not sent."""

from __future__ import annotations

from sqlalchemy import select

from app.models import User
from tests.accounts.steps import link_in
from tests.factories import PASSWORD
from tests.support.client import Browser


def register(app, name: str, run_jobs, mails) -> Browser:
    browser = app.test_client()
    fields = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "password2": PASSWORD}
    assert browser.submit("/auth/register", fields).status_code == 303
    run_jobs()
    if "/auth/register/" in mails[-1].text:  # all but the first confirm their address before they have an account
        path = link_in(mails[-1])
        assert browser.submit(path, action=path).status_code == 303
    return browser


def badge(browser: Browser, since: float) -> tuple[int | None, float]:
    """The number a poll tells, and the newest timestamp."""
    told = browser.get(f"/notifications?since={since}").get_json()
    counts = [one["data"] for one in told if one["name"] == "unread_message_count"]
    return (counts[-1] if counts else None), max((one["timestamp"] for one in told), default=since)


def test_unread_message_updates_badge_and_sends_email(app, db, run_jobs, mails):
    ana, ben = (register(app, name, run_jobs, mails) for name in ("ana", "ben"))
    run_jobs()
    assert sorted(mail.envelope_to[0] for mail in mails) == ["ana@example.org", "ben@example.org"]
    mails.clear()

    # They follow each other and post.
    for browser, other in ((ana, "ben"), (ben, "ana")):
        assert browser.submit(f"/user/{other}", action=f"/follow/{other}").status_code == 303
    assert ana.submit("/", {"post": "Low tide at six"}, action="/post").status_code == 303
    assert "Low tide at six" in ben.get("/").text

    # ben sits on a page with two tabs; ana writes.
    _none, since = badge(ben, 0.0)
    other_tab = since
    ana.submit("/messages/ben", {"message": "Are you coming?"}, action="/send_message/ben")
    number, since = badge(ben, since)
    assert number == 1
    assert 'data-count="1"' in ben.get("/explore").text

    # Opening the conversation is not reading; the page says what it rendered, and both tabs hear of it.
    assert "Are you coming?" in ben.get("/messages/ana").text
    assert badge(ben, since) == (None, since)
    assert ben.submit("/messages/ana", {"seq": "1"}, action="/messages/ana/read").status_code == 303
    assert badge(ben, since)[0] == 0
    assert badge(ben, other_tab)[0] == 0

    # It was read before the delay: no mail. The next one is not: one mail.
    run_jobs(advance=60)
    assert len(mails) == 0
    ana.submit("/messages/ben", {"message": "And bring bread"}, action="/send_message/ben")
    run_jobs(advance=60)
    assert [mail.envelope_to for mail in mails] == [["ben@example.org"]]
    assert "And bring bread" in mails[0].text
    assert "Are you coming?" not in mails[0].text


def test_replying_marks_the_page_read_and_updates_the_other_badge(app, db, run_jobs, mails):
    ana, ben = (register(app, name, run_jobs, mails) for name in ("ana", "ben"))
    ana.submit("/messages/ben", {"message": "one"}, action="/send_message/ben")
    ben.submit("/messages/ana", {"message": "two"}, action="/send_message/ana")
    assert badge(ana, 0.0)[0] == 1
    assert badge(ben, 0.0)[0] == 0  # whoever answers has read what the page showed
    assert len(db.session.scalars(select(User)).all()) == 2
