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
from tests.delivery.events import happens, wants
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
def test_an_address_that_needs_smtputf8_is_refused_with_a_reason(client, as_, db, run_jobs, mails, email):
    answer = register(client, email=email)
    assert answer.status_code == 422
    assert "before the @" in answer.text
    assert db.session.scalar(select(User.id)) is None
    change = as_("cleo").post_form("/auth/security/email", {"email": email, "current_password": PASSWORD})
    assert change.status_code == 422
    assert "before the @" in change.text
    run_jobs()
    assert len(mails) == 0


def test_an_operator_whose_mail_server_takes_such_addresses_can_allow_them(client, configure, db, run_jobs, mails):
    configure(MAIL_UNICODE_ADDRESSES=True)
    assert register(client, email="müller@bücher.example").status_code == 303
    run_jobs()
    (mail,) = mails
    assert mail.envelope_to == ["müller@xn--bcher-kva.example"]
    assert "müller@xn--bcher-kva.example" in mail.raw.decode()


def test_a_domain_of_other_letters_gets_its_mail(client, db, run_jobs, mails):
    assert register(client, email="ana@straße.example").status_code == 303
    run_jobs()
    (mail,) = mails
    assert mail.envelope_to == ["ana@xn--strae-oqa.example"]  # IDNA 2008; IDNA 2003 would write to strasse.example
    assert mail.raw.isascii()


def test_an_account_whose_address_the_mail_server_does_not_take_fails_at_once(db, run_jobs, mails):
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
def test_what_is_no_address_fails_at_once(db, run_jobs, mails, email):
    a_message(a_user("ana"), a_user("ben", email=email))
    run_jobs(advance=60, may_fail=True)
    assert (the_job().state, the_job().attempts) == ("failed", 1)
    assert len(mails) == 0


@pytest.mark.parametrize("mode", ["5xx-address", "5xx", "5xx-hang-up"])
@pytest.mark.parametrize("name", ["accounts.mail_link", "accounts.mail_notice", "notifications.mail", "web.mail_error"])
def test_a_refusal_for_good_ends_every_kind_of_job_that_mails(as_, client, configure, db, run_jobs, mails, mode, name):
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
        happens("login", a_user("ben"))
    db.session.commit()
    run_jobs(may_fail=True)
    job = the_job(name)
    assert (job.state, job.attempts) == ("failed", 1), job.error
    assert "refused" in job.error


def test_a_server_that_hangs_up_after_it_has_the_mail_gets_no_second_copy(ben, db, run_jobs, mails):
    mails.mode = "drop-at-quit"
    happens("login", ben)
    run_jobs()
    assert len(mails) == 1


def test_what_failed_for_good_is_in_the_log(ben, db, run_jobs, mails, caplog):
    mails.mode = "5xx-address"
    happens("login", ben)
    run_jobs(may_fail=True)
    assert [record.levelno for record in caplog.records if "notifications.mail" in record.message] == [logging.ERROR]


@pytest.mark.parametrize(("admins", "reached"), [(("no address", "admin@example.org"), 1), (("müller@x.example",), 0)])
def test_one_wrong_address_of_an_admin_does_not_keep_the_report_from_the_others(
    configure, db, run_jobs, mails, admins, reached
):
    mails.offer_smtputf8(False)
    configure(ADMINS=admins)
    enqueue("web.mail_error", where="GET /", text="ValueError: x" + "y" * 3000)
    db.session.commit()
    run_jobs(may_fail=True)
    assert len(mails) == reached
    assert the_job("web.mail_error").attempts == 1


@pytest.mark.parametrize("mode", ["ok", "5xx-address"])
def test_an_admins_address_that_needs_smtputf8_keeps_the_report_from_nobody(configure, db, run_jobs, mails, mode):
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


def test_an_admin_who_has_the_report_does_not_get_it_again(configure, db, run_jobs, mails):
    configure(ADMINS=("müller@x.example", "admin@example.org"))
    mails.answer_to = lambda mail: "451 later" if "müller@x.example" in mail.envelope_to else None
    enqueue("web.mail_error", where="GET /", text="ValueError: x")
    db.session.commit()
    run_jobs(advance=3600)
    assert [mail.envelope_to for mail in mails] == [["admin@example.org"]]


@pytest.mark.parametrize("mode", ["login-at-rcpt", "login-at-data"])
def test_a_server_that_wants_a_login_is_no_fault_of_the_address(ben, db, run_jobs, mails, mode):
    mails.mode = mode
    happens("login", ben)
    run_jobs(may_fail=True)
    assert the_job().state == "queued"
    mails.mode = "ok"
    run_jobs(advance=60)
    assert len(mails) == 1


# An item


def test_a_message_that_is_refused_is_left_out_and_the_others_are_sent(ben, configure, db, run_jobs, mails, caplog):
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


def test_a_message_that_is_refused_alone_is_told_without_its_words(ben, db, run_jobs, mails):
    mails.answer_to = refuse_poison
    a_message(a_user("ana"), ben, f"Look: {POISON}")
    run_jobs(advance=60)
    (mail,) = mails
    assert LEFT_OUT in mail.text
    assert "http://microblog.test/messages/ana" in mail.text


def test_several_that_are_refused_are_all_left_out(ben, db, run_jobs, mails):
    mails.answer_to = refuse_poison
    for name in ("ana", "cleo", "dora"):
        a_message(a_user(name), ben, f"Look: {POISON}{name}")
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.text.count(LEFT_OUT) == 3
    run_jobs(advance=86_400)
    assert len(mails) == 1


@pytest.mark.slow
def test_a_server_that_refuses_everything_is_asked_a_few_times_only(ben, db, run_jobs, mails):
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


def test_content_that_is_put_off_again_and_again_is_left_out_in_the_end(ben, db, run_jobs, mails):
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
def test_content_at_which_the_server_hangs_up_is_left_out_in_the_end(ben, db, run_jobs, mails, alone):
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


def test_a_server_that_always_hangs_up_is_asked_again_later(ben, db, run_jobs, mails):
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
def test_an_event_that_cannot_be_worded_does_not_keep_the_others(ben, db, run_jobs, mails, monkeypatch, alone):
    wants(ben, "mention", mail="now")
    wants(ben, "follow", mail="now")
    happens("mention", ben)
    if not alone:
        happens("follow", ben)
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


def test_a_part_whose_template_fails_does_not_keep_the_others(ben, app, db, run_jobs, mails, monkeypatch):
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
