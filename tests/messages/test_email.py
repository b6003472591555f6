""" "You have a message": one mail for all that waits, none for what was read, in the reader's language."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app import mailer
from app.jobs.registry import RETRY_DELAYS
from app.models import Job
from tests.factories import a_message, a_user
from tests.support.client import in_new_context


@pytest.fixture
def pair(db):
    return a_user("ana", name="Ana Ñandú"), a_user("ben", name="Ben")


def read(as_, who, other, seq) -> None:
    assert as_(who).post_form(f"/messages/{other.username}/read", {"seq": seq}).status_code == 303


def test_unread_message_is_emailed_once(pair, mails, run_jobs):
    a_message(*pair, "See you at nine")
    run_jobs()
    assert len(mails) == 0  # it waits a short while
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.envelope_to == ["ben@example.org"]
    assert "Ana Ñandú" in mail.subject + mail.text
    assert "http://microblog.test/messages/ana" in mail.text
    assert "http://microblog.test/messages/ana" in mail.html
    assert mail.message["Auto-Submitted"] == "auto-generated"
    run_jobs(advance=3600)
    assert len(mails) == 1


def test_read_message_is_not_emailed(pair, mails, run_jobs, as_):
    a_message(*pair)
    read(as_, pair[1], pair[0], 1)
    run_jobs(advance=60)
    assert len(mails) == 0


def test_several_messages_are_sent_in_one_email(pair, mails, run_jobs):
    for number in range(5):
        a_message(*pair, f"message {number}")
    run_jobs(advance=60)
    assert len(mails) == 1
    a_message(*pair, "one more, later")
    run_jobs(advance=60)
    assert len(mails) == 2


def test_email_contains_only_unread_messages(pair, mails, run_jobs, as_):
    a_message(*pair, "apples")
    a_message(*pair, "oranges")
    read(as_, pair[1], pair[0], 1)
    run_jobs(advance=60)
    assert len(mails) == 1
    assert "apples" not in mails[0].text + mails[0].html


def test_two_conversations_are_sent_in_one_email(pair, mails, run_jobs):
    cleo = a_user("cleo")
    a_message(*pair, "apples")
    a_message(cleo, pair[1], "oranges")
    a_message(pair[1], pair[0], "pears")
    run_jobs(advance=60)
    assert sorted(mail.envelope_to[0] for mail in mails) == ["ana@example.org", "ben@example.org"]
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "2 new notifications"
    for words in (mail.text, mail.html):
        assert "apples" in words and "oranges" in words and "pears" not in words
        assert "/messages/ana" in words and "/messages/cleo" in words


def test_message_email_is_in_the_readers_language(mails, run_jobs, pair):
    ana, _ben = pair
    for name, language in (("carla", "es"), ("dan", "en")):
        a_message(ana, a_user(name, language=language))
    run_jobs(advance=60)
    (spanish,), (english,) = mails.to("carla@example.org"), mails.to("dan@example.org")
    assert spanish.message["Content-Language"] == "es"
    assert spanish.subject != english.subject
    assert 'lang="es"' in spanish.html


def test_inactive_member_gets_no_email(pair, mails, run_jobs, db):
    a_message(*pair)
    pair[1].active = False
    db.session.commit()
    run_jobs(advance=60)
    assert len(mails) == 0


def test_temporary_smtp_error_is_retried(pair, mails, run_jobs, db):
    mails.mode = "4xx"
    a_message(*pair)
    run_jobs(advance=60, may_fail=True)
    assert (len(mails), mails.tried) == (0, 1)
    mails.mode = "ok"
    run_jobs(advance=RETRY_DELAYS[0])
    assert len(mails) == 1


@pytest.mark.parametrize("mode", ["5xx", "5xx-address"])
def test_permanent_smtp_error_fails_the_job(pair, mails, run_jobs, db, mode):
    mails.mode = mode
    a_message(*pair)
    run_jobs(advance=60, may_fail=True)
    job = db.session.scalars(select(Job)).one()
    assert (job.state, job.attempts) == ("failed", 1)
    assert "refused" in job.error


def test_unreachable_smtp_server_is_retried(pair, mails, run_jobs, db):
    mails.refuse()
    a_message(*pair)
    run_jobs(advance=60, may_fail=True)
    assert db.session.scalars(select(Job.state)).one() == "queued"
    mails.start()
    run_jobs(advance=RETRY_DELAYS[0])
    assert len(mails) == 1


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hang", "drop"])
def test_lost_smtp_response_resends_with_the_same_message_id(pair, mails, run_jobs, mode):
    """The server has the mail and we do not know: it is sent again, and mail programs show one."""
    mails.mode = mode
    a_message(*pair)
    run_jobs(advance=60, may_fail=True)
    assert len(mails) == 1
    mails.mode = "ok"
    run_jobs(advance=RETRY_DELAYS[0])
    assert len(mails) == 2
    assert len({mail.message_id for mail in mails}) == 1


def test_names_cannot_inject_headers(mails, run_jobs, db):
    ana = a_user("ana", name="Ana\r\nBcc: everybody@example.org")
    ben = a_user("ben", name='"Ben", <x@example.org>\nX-Evil: 1')
    a_message(ana, ben, "line one\r\n.\r\nline two")
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.envelope_to == ["ben@example.org"]
    assert mail.message["Bcc"] is None
    assert mail.message["X-Evil"] is None


def test_encoded_word_in_a_name_is_not_decoded(mails, run_jobs, db):
    name = "=?utf-8?q?The_Management=0d=0aBcc:?="
    a_message(a_user("ana", name=name), a_user("ben", name=name))
    run_jobs(advance=60)
    (mail,) = mails
    for header in (mail.message["Subject"], mail.message["To"]):
        assert "The Management" not in str(header)
        assert "The_Management=0d=0aBcc:" in str(header)


def test_sending_a_message_does_not_wait_for_smtp(pair, mails, as_):
    """The request only orders it."""
    mails.mode = "hang"
    ana = as_(pair[0])
    assert ana.post_form("/send_message/ben", {"message": "hi"}).status_code == 303
    assert mails.tried == 0


def test_message_sent_while_an_email_is_being_sent_gets_its_own_email(pair, mails, run_jobs, app, db):
    """A message that is sent while the mail of the first one is being sent gets a mail of its own."""
    real = mailer.deliver

    def send_one_more(message):
        mailer.deliver = real

        def elsewhere():
            with app.app_context():
                a_message(db.session.merge(pair[0]), db.session.merge(pair[1]), "meanwhile")

        in_new_context(elsewhere)
        real(message)

    a_message(*pair, "first")
    mailer.deliver = send_one_more
    try:
        run_jobs(advance=60)
    finally:
        mailer.deliver = real
    assert len(mails) == 1
    run_jobs(advance=60)
    assert len(mails) == 2


@pytest.mark.slow
def test_email_about_many_messages_states_the_total(db, run_jobs, mails):
    ana, ben = a_user("ana"), a_user("ben")
    for number in range(60):
        a_message(ana, ben, f"message {number}")
    db.session.commit()
    run_jobs(advance=3600)
    assert [mail.subject for mail in mails.to(ben.email)] == ["60 new messages from ana"]
    assert "message 59" in mails[0].text
    assert "message 56" not in mails[0].text
