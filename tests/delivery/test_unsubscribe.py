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
from tests.delivery.events import happens, wants
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


def wish(reader) -> dict[str, str]:
    return {name: chosen.mail for name, chosen in preferences.grid(reader.id).items()}


@pytest.mark.parametrize("kind", NOT_ESSENTIAL)
def test_one_click_of_a_mail_program_ends_mail_of_that_kind_only(ben, db, client, run_jobs, mails, kind):
    wants(ben, kind, mail="now")
    before = wish(ben)
    happens(kind, ben)
    run_jobs(advance=60)
    answer = client.post(header(mails[0]), data=ONE_CLICK)
    assert answer.status_code == 200
    assert str(CONFIGURABLE[kind].label) in answer.text
    assert wish(ben) == {**before, kind: "none"}
    happens(kind, ben)
    run_jobs(advance=8 * 86_400)
    assert len(mails) == 1


def test_it_ends_what_waits_already(ben, db, client, run_jobs, mails):
    happens("job_failed", ben)
    run_jobs(advance=60)
    happens("job_failed", ben)
    client.post(header(mails[0]), data=ONE_CLICK)
    run_jobs(advance=60)
    assert len(mails) == 1


def test_looking_changes_nothing_and_the_button_does(ben, db, client, run_jobs, mails):
    happens("job_failed", ben)
    run_jobs(advance=60)
    before = everything()
    page = client.get(header(mails[0]))
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert everything() == before
    answer = client.submit(header(mails[0]), action=header(mails[0]))
    assert answer.status_code == 200
    assert wish(ben)["job_failed"] == "none"


def test_a_second_click_changes_nothing(ben, db, client, run_jobs, mails):
    happens("job_failed", ben)
    run_jobs(advance=60)
    for _ in range(2):
        assert client.post(header(mails[0]), data=ONE_CLICK).status_code == 200
    rows = db.session.scalars(select(DeliveryPreference)).all()
    assert [(row.kind, row.mail, row.badge, row.push) for row in rows] == [("job_failed", "none", True, True)]


def test_what_else_the_person_chose_for_the_kind_stays(ben, db, client, run_jobs, mails):
    wants(ben, "mention", mail="now", push=False, badge=False)
    happens("mention", ben)
    run_jobs(advance=60)
    client.post(header(mails[0]), data=ONE_CLICK)
    db.session.expire_all()
    row = db.session.scalars(select(DeliveryPreference)).one()
    assert (row.mail, row.push, row.badge) == ("none", False, False)


def test_a_mail_of_several_kinds_ends_all_of_them_or_one_by_one(ben, db, client, run_jobs, mails):
    for kind in ("mention", "job_failed"):
        wants(ben, kind, mail="now")
        happens(kind, ben)
    run_jobs(advance=60)
    (mail,) = mails
    mention, failed = links(mail)
    assert all(link in mail.html for link in (mention, failed))
    assert client.post(failed).status_code == 200
    assert (wish(ben)["mention"], wish(ben)["job_failed"]) == ("now", "none")
    assert client.post(header(mail), data=ONE_CLICK).status_code == 200
    assert (wish(ben)["mention"], wish(ben)["job_failed"], wish(ben)["message"]) == ("none", "none", "now")
    assert client.post(mention).status_code == 200


def test_essential_mail_cannot_be_ended_with_a_click(ben, db, client, run_jobs, mails):
    happens("login", ben)
    run_jobs()
    assert mails[0].message["List-Unsubscribe"] is None
    assert links(mails[0]) == []
    wants(ben, "login", mail="daily")
    happens("login", ben)
    happens("mention", ben)
    run_jobs(advance=86_400)
    assert len(links(mails[1])) == 1  # that of mentions
    client.post(header(mails[1]), data=ONE_CLICK)
    assert (wish(ben)["login"], wish(ben)["mention"]) == ("daily", "none")


def test_no_other_address_is_believed(ben, db, client, app):
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


@pytest.mark.slow
def test_clicking_is_limited(ben, db, client, app, rate_limits, time_machine):
    time_machine.move_to(now(), tick=False)  # a busy machine takes longer than the minute of the limit
    with app.app_context():
        path = unsubscribe_links.url(ben, ["mention"]).removeprefix("http://microblog.test")
    codes = [client.post(path, data=ONE_CLICK).status_code for _ in range(301)]
    assert codes == [200] * 300 + [429]
