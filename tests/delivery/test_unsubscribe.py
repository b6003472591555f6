"""The link that ends mail of some kinds: one click, no login, and nothing else that it could do."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.core.time import now
from app.delivery import unsubscribe_links
from app.models import DeliveryPreference
from app.notifications import preferences
from app.notifications.kinds import CONFIGURABLE
from tests.delivery.events import record_events, set_preference
from tests.factories import a_user
from tests.support.sql import everything

NOT_ESSENTIAL = [name for name, kind in CONFIGURABLE.items() if not kind.essential]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def ben(db):
    return a_user("ben")


def header(mail) -> str:
    """Where a mail program posts, without the site."""
    raw = dict(mail.message.raw_items())["List-Unsubscribe"]  # an address in encoded words is none to a mail program
    found = re.fullmatch(r"\s*<http://microblog\.test(/unsubscribe/[\w.-]+)>", raw)
    assert found, raw
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return found.group(1)


def links(mail) -> list[str]:
    return re.findall(r"http://microblog\.test(/unsubscribe/\S+)", mail.text)


def email_cadences(reader) -> dict[str, str]:
    return {name: chosen.mail for name, chosen in preferences.grid(reader.id).items()}


@pytest.mark.parametrize("kind", NOT_ESSENTIAL)
def test_one_click_unsubscribe_stops_emails_of_that_kind_only(ben, db, client, run_jobs, mails, kind):
    set_preference(ben, kind, mail="now")
    before = email_cadences(ben)
    record_events(kind, ben)
    run_jobs(advance=60)
    answer = client.post(header(mails[0]), data=ONE_CLICK)
    assert answer.status_code == 200
    assert str(CONFIGURABLE[kind].label) in answer.text
    assert email_cadences(ben) == {**before, kind: "none"}
    record_events(kind, ben)
    run_jobs(advance=8 * 86_400)
    assert len(mails) == 1


def test_unsubscribing_cancels_pending_email(ben, db, client, run_jobs, mails):
    record_events("job_failed", ben)
    run_jobs(advance=60)
    record_events("job_failed", ben)
    client.post(header(mails[0]), data=ONE_CLICK)
    run_jobs(advance=60)
    assert len(mails) == 1


def test_opening_the_unsubscribe_link_changes_nothing_until_confirmed(ben, db, client, run_jobs, mails):
    record_events("job_failed", ben)
    run_jobs(advance=60)
    before = everything()
    page = client.get(header(mails[0]))
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert everything() == before
    answer = client.submit(header(mails[0]), action=header(mails[0]))
    assert answer.status_code == 200
    assert email_cadences(ben)["job_failed"] == "none"


def test_second_unsubscribe_click_changes_nothing(ben, db, client, run_jobs, mails):
    record_events("job_failed", ben)
    run_jobs(advance=60)
    for _ in range(2):
        assert client.post(header(mails[0]), data=ONE_CLICK).status_code == 200
    rows = db.session.scalars(select(DeliveryPreference)).all()
    assert [(row.kind, row.mail, row.badge, row.push) for row in rows] == [("job_failed", "none", True, True)]


def test_unsubscribing_keeps_other_preferences_of_the_kind(ben, db, client, run_jobs, mails):
    set_preference(ben, "mention", mail="now", push=False, badge=False)
    record_events("mention", ben)
    run_jobs(advance=60)
    client.post(header(mails[0]), data=ONE_CLICK)
    db.session.expire_all()
    row = db.session.scalars(select(DeliveryPreference)).one()
    assert (row.mail, row.push, row.badge) == ("none", False, False)


def test_email_about_several_kinds_offers_all_or_single_unsubscription(ben, db, client, run_jobs, mails):
    for kind in ("mention", "job_failed"):
        set_preference(ben, kind, mail="now")
        record_events(kind, ben)
    run_jobs(advance=60)
    (mail,) = mails
    mention, failed = links(mail)
    assert all(link in mail.html for link in (mention, failed))
    assert client.post(failed).status_code == 200
    assert (email_cadences(ben)["mention"], email_cadences(ben)["job_failed"]) == ("now", "none")
    assert client.post(header(mail), data=ONE_CLICK).status_code == 200
    assert (email_cadences(ben)["mention"], email_cadences(ben)["job_failed"], email_cadences(ben)["message"]) == (
        "none",
        "none",
        "now",
    )
    assert client.post(mention).status_code == 200


def test_essential_email_has_no_unsubscribe_link(ben, db, client, run_jobs, mails):
    record_events("login", ben)
    run_jobs()
    assert mails[0].message["List-Unsubscribe"] is None
    assert links(mails[0]) == []
    set_preference(ben, "login", mail="daily")
    record_events("login", ben)
    record_events("mention", ben)
    run_jobs(advance=86_400)
    assert len(links(mails[1])) == 1  # that of mentions
    client.post(header(mails[1]), data=ONE_CLICK)
    assert (email_cadences(ben)["login"], email_cadences(ben)["mention"]) == ("daily", "none")


def test_forged_unsubscribe_links_are_not_found(ben, db, client, app):
    with app.app_context():
        good = unsubscribe_links.url(ben, ["mention"]).rpartition("/")[2]
        of_login = unsubscribe_links.url(ben, ["login"]).rpartition("/")[2]
        of_nobody = unsubscribe_links.url(type(ben)(id=10**6), ["mention"]).rpartition("/")[2]
        of_old = unsubscribe_links.url(ben, ["poke"]).rpartition("/")[2]
    before = everything()
    for token in (good[:-1], good.swapcase(), "x", "x" * 5000, of_login, of_nobody, of_old):
        assert client.get(f"/unsubscribe/{token}").status_code == 404
        assert client.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code == 404
    assert everything() == before
    assert client.get(f"/unsubscribe/{good}").status_code == 200


@pytest.mark.one_database  # the limits are in Redis
@pytest.mark.slow
def test_unsubscribing_is_rate_limited(ben, db, client, app, rate_limits, time_machine):
    time_machine.move_to(now(), tick=False)  # a busy machine takes longer than the minute of the limit
    with app.app_context():
        path = unsubscribe_links.url(ben, ["mention"]).removeprefix("http://microblog.test")
    codes = [client.post(path, data=ONE_CLICK).status_code for _ in range(301)]
    assert codes == [200] * 300 + [429]
