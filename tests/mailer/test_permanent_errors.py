"""Emails that can never be sent: they fail at once, are seen by the operator, and hold up nothing else."""

from __future__ import annotations

import logging
from html import unescape

import pytest
from sqlalchemy import select

from app.extensions import db as the_db
from app.jobs import enqueue
from app.jobs.registry import RETRY_DELAYS
from app.models import Activity, Job, User
from app.notifications import render
from tests.accounts.steps import register
from tests.delivery.events import record_events, set_preference
from tests.factories import PASSWORD, a_message, a_user
from tests.support.smtp import HANG_UP

POISON = "https://blocked.example/"
LEFT_OUT = "couldn't be sent by email"


@pytest.fixture
def ben(db):
    return a_user("ben")


def the_job(name: str = "notifications.mail") -> Job:
    the_db.session.expire_all()
    return the_db.session.scalars(select(Job).where(Job.name == name).order_by(Job.queued_at.desc())).first()


def refuse_poison(mail):
    return "554 5.7.1 blocked content" if POISON in mail.text + mail.html + mail.subject else None


# An address


@pytest.mark.parametrize("email", ["müller@example.org", "用户@例え.jp", "ana.ñ@example.org"])
def test_address_requiring_smtputf8_is_rejected_with_a_reason(client, as_, db, run_jobs, mails, email):
    answer = register(client, email=email)
    assert answer.status_code == 422
    assert "before the @" in answer.text
    assert db.session.scalar(select(User.id)) is None
    change = as_("cleo").post_form("/auth/security/email", {"email": email, "current_password": PASSWORD})
    assert change.status_code == 422
    assert "before the @" in change.text
    run_jobs()
    assert len(mails) == 0


def test_smtputf8_addresses_can_be_allowed_in_the_settings(client, configure, db, run_jobs, mails):
    configure(MAIL_UNICODE_ADDRESSES=True)
    assert register(client, email="müller@bücher.example").status_code == 303
    run_jobs()
    (mail,) = mails
    assert mail.envelope_to == ["müller@xn--bcher-kva.example"]
    assert "müller@xn--bcher-kva.example" in mail.raw.decode()


def test_international_domain_receives_email(client, db, run_jobs, mails):
    assert register(client, email="ana@straße.example").status_code == 303
    run_jobs()
    (mail,) = mails
    assert mail.envelope_to == ["ana@xn--strae-oqa.example"]  # IDNA 2008; IDNA 2003 would write to strasse.example
    assert mail.raw.isascii()


def test_smtputf8_address_fails_immediately_if_the_server_lacks_support(db, run_jobs, mails):
    mails.offer_smtputf8(False)
    a_message(a_user("ana"), a_user("ben", email="müller@example.org"))
    run_jobs(advance=60, may_fail=True)
    job = the_job()
    assert (job.state, job.attempts) == ("failed", 1)
    assert "SMTPUTF8" in job.error
    assert len(mails) == 0


@pytest.mark.parametrize(
    "email", ["ben", "ben@", "ben@example.org\r\nDATA", "b en@example.org", "ben@-\u2602-.example"]
)
def test_invalid_recipient_address_fails_immediately(db, run_jobs, mails, email):
    a_message(a_user("ana"), a_user("ben", email=email))
    run_jobs(advance=60, may_fail=True)
    assert (the_job().state, the_job().attempts) == ("failed", 1)
    assert len(mails) == 0


@pytest.mark.parametrize("mode", ["5xx-address", "5xx", "5xx-hang-up"])
@pytest.mark.parametrize("name", ["accounts.mail_link", "accounts.mail_notice", "notifications.mail", "web.mail_error"])
def test_permanent_smtp_error_fails_every_kind_of_email_job(as_, client, configure, db, run_jobs, mails, mode, name):
    mails.mode = mode
    if name == "accounts.mail_link":
        register(client)
    elif name == "web.mail_error":
        configure(ADMINS=("admin@example.org",))
        enqueue(name, where="here", text="what")
    elif name == "accounts.mail_notice":
        user = a_user("ben")
        enqueue(name, user_id=user.id, what="password_changed", to="", at="2026-01-01T00:00:00+00:00")
    else:
        record_events("login", a_user("ben"))
    db.session.commit()
    run_jobs(may_fail=True)
    job = the_job(name)
    assert (job.state, job.attempts) == ("failed", 1), job.error
    assert "refused" in job.error


def test_connection_closed_after_acceptance_sends_no_second_copy(ben, db, run_jobs, mails):
    mails.mode = "drop-at-quit"
    record_events("login", ben)
    run_jobs()
    assert len(mails) == 1


def test_permanent_email_failure_is_logged(ben, db, run_jobs, mails, caplog):
    mails.mode = "5xx-address"
    record_events("login", ben)
    run_jobs(may_fail=True)
    assert [record.levelno for record in caplog.records if "notifications.mail" in record.message] == [logging.ERROR]


@pytest.mark.parametrize(("admins", "reached"), [(("no address", "admin@example.org"), 1), (("müller@x.example",), 0)])
def test_one_invalid_admin_address_does_not_block_reports_to_others(configure, db, run_jobs, mails, admins, reached):
    mails.offer_smtputf8(False)
    configure(ADMINS=admins)
    enqueue("web.mail_error", where="GET /", text="ValueError: x" + "y" * 3000)
    db.session.commit()
    run_jobs(may_fail=True)
    assert len(mails) == reached
    assert the_job("web.mail_error").attempts == 1


@pytest.mark.parametrize("mode", ["ok", "5xx-address"])
def test_smtputf8_admin_address_does_not_block_reports_to_others(configure, db, run_jobs, mails, mode):
    mails.offer_smtputf8(False)
    mails.mode = mode
    configure(ADMINS=("müller@x.example", "admin@example.org"))
    enqueue("web.mail_error", where="GET /", text="ValueError: x")
    db.session.commit()
    run_jobs(may_fail=True)
    assert [mail.envelope_to for mail in mails] == ([["admin@example.org"]] if mode == "ok" else [])
    assert (the_job("web.mail_error").state, the_job("web.mail_error").attempts) == (
        "done" if mode == "ok" else "failed",
        1,
    )


def test_error_report_is_not_sent_twice_to_one_admin(configure, db, run_jobs, mails):
    configure(ADMINS=("müller@x.example", "admin@example.org"))
    mails.answer_to = lambda mail: "451 later" if "müller@x.example" in mail.envelope_to else None
    enqueue("web.mail_error", where="GET /", text="ValueError: x")
    db.session.commit()
    run_jobs(advance=3600)
    assert [mail.envelope_to for mail in mails] == [["admin@example.org"]]


@pytest.mark.parametrize("mode", ["login-at-rcpt", "login-at-data"])
def test_smtp_authentication_error_is_retried(ben, db, run_jobs, mails, mode):
    mails.mode = mode
    record_events("login", ben)
    run_jobs(may_fail=True)
    assert the_job().state == "queued"
    mails.mode = "ok"
    run_jobs(advance=60)
    assert len(mails) == 1


# An item


def test_rejected_message_is_left_out_and_the_others_are_sent(ben, configure, db, run_jobs, mails, caplog):
    configure(ADMINS=("admin@example.org",))
    mails.answer_to = refuse_poison
    a_message(a_user("ana"), ben, f"Look: {POISON}")
    a_message(a_user("cleo"), ben, "Lunch at noon?")
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    for words in (mail.text, mail.html):
        assert "Lunch at noon?" in words
        assert words.count(LEFT_OUT) + words.replace("&#39;", "'").count(LEFT_OUT) >= 1
        assert "http://microblog.test/messages/ana" in words
        assert POISON not in words
    assert the_job().result["left_out"] == ["message"]
    assert "554" in the_job().result["reason"]
    assert any("left out" in record.message for record in caplog.records)
    (report,) = mails.to("admin@example.org")
    assert "554" in report.text
    a_message(a_user("dora"), ben, "And now?")
    run_jobs(advance=60)
    assert [LEFT_OUT in mail.text for mail in mails.to("ben@example.org")] == [True, False]


def test_single_rejected_message_is_announced_without_its_text(ben, db, run_jobs, mails):
    mails.answer_to = refuse_poison
    a_message(a_user("ana"), ben, f"Look: {POISON}")
    run_jobs(advance=60)
    (mail,) = mails
    assert LEFT_OUT in mail.text
    assert "http://microblog.test/messages/ana" in mail.text


def test_several_rejected_messages_are_all_left_out(ben, db, run_jobs, mails):
    mails.answer_to = refuse_poison
    for name in ("ana", "cleo", "dora"):
        a_message(a_user(name), ben, f"Look: {POISON}{name}")
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.text.count(LEFT_OUT) == 3
    run_jobs(advance=86_400)
    assert len(mails) == 1


@pytest.mark.slow
def test_server_rejecting_everything_is_tried_a_few_times_only(ben, db, run_jobs, mails):
    mails.mode = "5xx"
    for number in range(30):
        a_message(a_user(f"friend{number}x"), ben)
    run_jobs(advance=60, may_fail=True)
    assert (the_job().state, the_job().attempts) == ("failed", 1)
    assert mails.tried <= 10
    mails.mode = "ok"
    a_message(a_user("ana"), ben)
    run_jobs(advance=60)
    assert mails[0].subject == "31 new notifications"  # nothing was lost


def test_content_deferred_repeatedly_is_finally_left_out(ben, db, run_jobs, mails):
    mails.answer_to = lambda mail: "451 4.7.1 later" if POISON in mail.text else None
    a_message(a_user("ana"), ben, f"Look: {POISON}")
    a_message(a_user("cleo"), ben, "Lunch at noon?")
    run_jobs(advance=60, may_fail=True)
    assert len(mails) == 0
    for wait in RETRY_DELAYS[:4]:
        run_jobs(advance=wait, may_fail=True)
    (mail,) = mails
    assert LEFT_OUT in mail.text and "Lunch at noon?" in mail.text


@pytest.mark.parametrize("alone", [True, False])
def test_content_that_closes_the_connection_is_finally_left_out(ben, db, run_jobs, mails, alone):
    mails.answer_to = lambda mail: HANG_UP if POISON in mail.text else None
    a_message(a_user("ana"), ben, f"Look: {POISON}")
    if not alone:
        a_message(a_user("cleo"), ben, "Lunch at noon?")
    run_jobs(advance=60, may_fail=True)
    for wait in RETRY_DELAYS[:4]:
        assert len(mails) == 0
        run_jobs(advance=wait, may_fail=True)
    (mail,) = mails
    assert LEFT_OUT in mail.text and "http://microblog.test/messages/ana" in mail.text
    assert mails.tried == 6  # each try may take as long as the server's time-out
    a_message(a_user("dora"), ben, "And now?")
    run_jobs(advance=60)
    assert "And now?" in mails[1].text


def test_server_that_always_closes_the_connection_is_retried_later(ben, db, run_jobs, mails):
    mails.answer_to = lambda mail: HANG_UP
    a_message(a_user("ana"), ben, "Lunch at noon?")
    run_jobs(advance=60, may_fail=True)
    for wait in RETRY_DELAYS[:5]:
        run_jobs(advance=wait, may_fail=True)
    assert the_job().state == "queued"
    mails.answer_to = None
    run_jobs(advance=RETRY_DELAYS[5])
    (mail,) = mails
    assert "Lunch at noon?" in mail.text


@pytest.mark.parametrize("alone", [True, False])
def test_event_that_fails_to_render_does_not_block_an_email(ben, db, run_jobs, mails, monkeypatch, alone):
    set_preference(ben, "mention", mail="now")
    set_preference(ben, "follow", mail="now")
    record_events("mention", ben)
    if not alone:
        record_events("follow", ben)
    real = render._ALONE["mention"]

    def fails_in_emails(event: Activity):
        made = real(event)
        raise KeyError(made.endpoint)

    monkeypatch.setitem(render._ALONE, "mention", fails_in_emails)
    run_jobs(advance=60)
    (mail,) = mails
    assert LEFT_OUT in mail.text
    assert ("followed you" in mail.text) is not alone
    assert the_job().result["left_out"] == ["mention"]


def test_failing_template_part_does_not_block_an_email(ben, app, db, run_jobs, mails, monkeypatch):
    a_message(a_user("ana"), ben, "poison")
    a_message(a_user("cleo"), ben, "Lunch at noon?")

    bdi = app.jinja_env.filters["bdi"]

    def broken_for_ana(word):
        if word == "ana":
            raise ValueError("a broken filter")
        return bdi(word)

    monkeypatch.setitem(app.jinja_env.filters, "bdi", broken_for_ana)
    run_jobs(advance=60)
    (mail,) = mails
    assert LEFT_OUT in unescape(mail.html) and "Lunch at noon?" in mail.html
