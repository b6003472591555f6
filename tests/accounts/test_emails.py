from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from app.accounts import actions
from app.core.time import now
from app.jobs import enqueue
from app.models import Job, LoginSession, MailToken
from tests.accounts.steps import link_in, register, the_user
from tests.factories import a_login, a_user


def enqueue_all_emails(db, user):
    actions.request_password_reset(user)
    actions.request_email_change(user, "new@example.org")
    user.email_confirmed_at = None
    actions.send_confirmation(user)
    actions.change_password(user, "granite swallow 41", keep=None)
    actions.request_password_reset(user)
    actions.request_email_change(user, "new@example.org")
    db.session.commit()


def test_every_email_has_text_and_html_and_identifies_the_account(db, mails, run_jobs):
    enqueue_all_emails(db, a_user("ana", name="Ana Sofía"))
    run_jobs()
    assert len(mails) == 4
    for mail in mails:
        assert "Ana Sofía" in mail.text and "Ana Sofía" in mail.html
        assert "@ana" in mail.html
        assert '<html lang="en" dir="ltr">' in mail.html
        assert "<script" not in mail.html
        assert "src=" not in mail.html  # nothing tells the sender that it was opened
        assert mail.message["Auto-Submitted"] == "auto-generated"
        assert mail.message_id.endswith("@microblog.test>")
    assert len({mail.message_id for mail in mails}) == 4


def test_name_in_an_email_is_escaped(db, mails, run_jobs):
    user = a_user("ana", name='<img src=x onerror=alert(1)> "A"; B <b@example.org>')
    actions.request_password_reset(user)
    db.session.commit()
    run_jobs()
    assert "<img" not in mails[0].html
    assert mails[0].envelope_to == ["ana@example.org"]
    assert mails[0].message["Bcc"] is None


def test_name_cannot_inject_an_email_header(db, mails, run_jobs):
    user = a_user("ana", name="Ana\r\nBcc: victim@example.org")
    actions.request_password_reset(user)
    db.session.commit()
    run_jobs()
    assert mails[0].message["Bcc"] is None
    assert mails[0].envelope_to == ["ana@example.org"]


def test_emails_enqueued_before_the_account_was_closed_are_dropped(db, mails, run_jobs):
    user = a_user("ana")
    enqueue_all_emails(db, user)
    user.active = False
    db.session.commit()
    run_jobs()
    assert len(mails) == 0


def test_emails_with_replaced_or_expired_links_are_dropped(db, mails, run_jobs):
    user = a_user("ana")
    actions.request_password_reset(user)
    db.session.commit()
    actions.request_password_reset(user)
    db.session.commit()
    run_jobs()
    assert len(mails) == 1
    actions.request_password_reset(user)
    db.session.commit()
    with time_machine.travel(now() + timedelta(hours=2)):
        run_jobs()
    assert len(mails) == 1


@pytest.mark.parametrize("mode", ["4xx", "drop"])
def test_retried_email_has_the_same_link_and_message_id(db, mails, run_jobs, mode):
    actions.request_password_reset(a_user("ana"))
    db.session.commit()
    mails.mode = mode
    run_jobs(may_fail=True)
    mails.mode = "ok"
    run_jobs(advance=60)
    assert len({mail.message_id for mail in mails}) == 1
    assert len({link_in(mail) for mail in mails}) == 1


def test_notice_shows_time_in_the_readers_time_zone(db, mails, run_jobs):
    user = a_user("ana", timezone="Asia/Tokyo")
    with time_machine.travel("2026-03-01T20:30:00+00:00", tick=False):
        actions.change_password(user, "granite swallow 41", keep=None)
        db.session.commit()
        run_jobs()
    assert "March 2, 2026" in mails[0].text
    assert "5:30" in mails[0].text


def test_registering_enqueues_one_email_job_without_owner(client, db, mails, run_jobs):
    register(client)
    assert [job.owner_id for job in db.session.scalars(db.select(Job))] == [None]  # not one of "my tasks"
    run_jobs()
    assert len(mails) == 1


def test_expired_logins_and_tokens_are_pruned(app, db, run_jobs):
    user = a_user("ana")
    keep = a_login(user).id
    for _ in range(3):
        a_login(user, expires_at=now() - timedelta(seconds=1))
    actions.request_password_reset(user)
    db.session.commit()
    with time_machine.travel(now() + timedelta(hours=2)):
        enqueue("accounts.prune_logins")
        db.session.commit()
        run_jobs()
        run_jobs()
    assert list(db.session.scalars(db.select(LoginSession.id))) == [keep]
    assert db.session.scalar(db.select(db.func.count(MailToken.id))) == 0
    assert the_user() is not None
