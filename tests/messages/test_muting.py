"""Muting a conversation: nothing tells of it, nothing is lost, and a mute with a time ends by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app.core.time import now
from app.extensions import db as the_db
from app.messages.actions import groups
from app.models import ConversationMember, Job, LoginSession
from tests.factories import a_message, a_user, acquainted
from tests.support.rows import polled_states, rows, words

HOUR = 3600


@pytest.fixture
def talk(as_, db):
    """Ana's browser, and a conversation with ben that she has read."""
    ana, ben = as_("ana"), a_user("ben")
    message = a_message(ben, ana.user, "first")
    ana.post_form("/messages/ben/read", {"seq": 1})
    ana.ben, ana.thread = ben, f"/messages/thread/{message.conversation_id}"
    return ana


def membership(db, user) -> ConversationMember:
    return db.session.scalars(select(ConversationMember).where(ConversationMember.user_id == user.id)).one()


def badge(browser) -> int:
    return polled_states(browser)["unread_message_count"]


def test_muted_conversation_causes_no_badge_and_no_email(talk, db, mails, run_jobs):
    answer = talk.post_form(f"{talk.thread}/mute", {"hours": ""})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/messages/ben")
    a_message(talk.ben, talk.user, "second")
    run_jobs(advance=30 * 24 * HOUR)
    assert badge(talk) == 0
    assert len(mails) == 0
    (row,) = rows(talk.get("/messages").text).values()
    assert "Muted" in row
    assert "second" in row
    assert "unread" not in row


def test_muting_removes_unread_messages_from_the_badge(talk, db, mails, run_jobs):
    a_message(talk.ben, talk.user, "second")
    assert badge(talk) == 1
    talk.post_form(f"{talk.thread}/mute", {"hours": ""})
    assert badge(talk) == 0
    run_jobs(advance=HOUR)
    assert len(mails) == 0  # also not the one that was ordered before


def test_unmuting_restores_badge_and_email(talk, db, mails, run_jobs):
    talk.post_form(f"{talk.thread}/mute", {"hours": ""})
    a_message(talk.ben, talk.user, "second")
    run_jobs(advance=HOUR)
    page = talk.get("/messages/ben").text
    assert "Muted" in words(page)
    talk.submit("/messages/ben", action=f"{talk.thread}/unmute")
    assert badge(talk) == 1
    assert "1 unread message" in next(iter(rows(talk.get("/messages").text).values()))
    run_jobs(advance=HOUR)
    assert [mail.envelope_to for mail in mails] == [["ana@example.org"]]
    talk.post_form(f"{talk.thread}/unmute")
    run_jobs(advance=HOUR)
    assert len(mails) == 1


@pytest.mark.parametrize("hours", [1, 8, 24, 168])
def test_mute_ends_at_its_time(talk, db, mails, run_jobs, hours):
    talk.post_form(f"{talk.thread}/mute", {"hours": hours})
    until = membership(db, talk.user).muted_until
    assert abs(until - now() - timedelta(hours=hours)) < timedelta(minutes=1)
    a_message(talk.ben, talk.user, "second")
    with time_machine.travel(until - timedelta(minutes=1), tick=True):
        run_jobs()
        assert membership(db, talk.user).muted
    with time_machine.travel(until + timedelta(seconds=1), tick=True):
        run_jobs()
        assert not membership(db, talk.user).muted
        assert membership(db, talk.user).muted_until is None
        assert badge(as_later(talk)) == 1
        run_jobs(advance=HOUR)
    assert len(mails) == 1


def as_later(browser):
    """The same browser; its login has not run out however late it is."""
    the_db.session.execute(update(LoginSession).values(expires_at=now() + timedelta(days=1)))
    the_db.session.commit()
    return browser


def run_early(db, run_jobs) -> None:
    """What a worker with a fast clock does: the job, but not the time."""
    db.session.execute(update(Job).where(Job.name == "messages.end_mute").values(run_after=now()))
    db.session.commit()
    run_jobs()


def test_early_unmute_job_is_rescheduled(talk, db, run_jobs):
    talk.post_form(f"{talk.thread}/mute", {"hours": 1})
    run_early(db, run_jobs)
    assert membership(db, talk.user).muted
    with time_machine.travel(now() + timedelta(hours=1, seconds=5), tick=True):
        run_jobs()
        assert not membership(db, talk.user).muted


def test_longer_mute_is_not_ended_by_the_job_of_the_shorter_one(talk, db, run_jobs):
    talk.post_form(f"{talk.thread}/mute", {"hours": 1})
    talk.post_form(f"{talk.thread}/mute", {"hours": 8})
    with time_machine.travel(now() + timedelta(hours=2), tick=True):
        run_jobs()
        assert membership(db, talk.user).muted
    with time_machine.travel(now() + timedelta(hours=8, seconds=5), tick=True):
        run_jobs()
        assert not membership(db, talk.user).muted


def test_shorter_mute_does_not_wait_for_the_job_of_the_longer_one(talk, db, run_jobs):
    talk.post_form(f"{talk.thread}/mute", {"hours": 168})
    talk.post_form(f"{talk.thread}/mute", {"hours": 1})
    with time_machine.travel(now() + timedelta(hours=1, seconds=5), tick=True):
        run_jobs()
        assert not membership(db, talk.user).muted


def test_permanent_mute_is_not_ended_by_an_earlier_job(talk, db, run_jobs):
    talk.post_form(f"{talk.thread}/mute", {"hours": 1})
    talk.post_form(f"{talk.thread}/mute", {"hours": ""})
    with time_machine.travel(now() + timedelta(days=30), tick=True):
        run_jobs()
        assert membership(db, talk.user).muted


def test_repeated_unmute_job_publishes_once(talk, db, run_jobs):
    talk.post_form(f"{talk.thread}/mute", {"hours": 1})
    with time_machine.travel(now() + timedelta(hours=2), tick=True):
        run_jobs()
        before = as_later(talk).get("/notifications?since=0").json
        db.session.execute(
            update(Job).where(Job.name == "messages.end_mute").values(state="queued", run_after=now(), attempts=0)
        )
        db.session.commit()
        run_jobs()
        assert talk.get("/notifications?since=0").json == before


@pytest.mark.parametrize("hours", ["2", "0", "-1", "x", "1000000"])
def test_other_mute_durations_are_rejected(talk, db, hours):
    assert talk.post_form(f"{talk.thread}/mute", {"hours": hours}).status_code in {303, 400}
    assert not membership(db, talk.user).muted


def test_group_can_be_muted_on_its_page(as_, db):
    ana, ben, cleo = as_("ana"), a_user("ben"), a_user("cleo")
    for other in (ben, cleo):
        acquainted(ana.user, other)
    group = groups.start(ana.user, [ben, cleo], "", "Bread?")
    db.session.commit()
    thread = f"/messages/thread/{group.id}"
    answer = ana.submit(thread, {"hours": "8"}, action=f"{thread}/mute")
    assert (answer.status_code, answer.headers["Location"]) == (303, thread)
    assert "Mute ends" in words(ana.get(thread).text)
    ana.submit(thread, action=f"{thread}/unmute")
    assert "Mute ends" not in words(ana.get(thread).text)
