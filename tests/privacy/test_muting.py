"""A mute: one hears nothing of somebody, who does not know; and nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.mute_duration import HOURS
from app.core.time import now
from app.models import Job, Mute
from app.privacy.actions import END_MUTE_JOB
from tests.factories import a_post
from tests.privacy.conftest import (
    newest_timestamp,
    polled_states,
    posts_on,
    publish,
    send_text,
    submit_action,
    unread_counts,
)

HOUR = 3600


@pytest.fixture
def mute(db):
    """The mute there is, or None."""
    return lambda: db.session.scalar(select(Mute))


def pending_unmute_jobs(db) -> list[Job]:
    """The jobs that wait to end a mute."""
    return list(db.session.scalars(select(Job).where(Job.name == END_MUTE_JOB, Job.state == "queued")))


def test_muted_members_posts_are_hidden_in_timelines_but_not_on_their_profile(ana, ben):
    mine, theirs = a_post(ana.user, "kestrel"), a_post(ben.user, "kestrel")
    submit_action(ana, "mute", "ben")
    for path in ("/", "/explore", "/search?q=kestrel"):
        assert posts_on(ana, path) == [mine.id], path
        assert posts_on(ben, path) == [theirs.id, mine.id], path
    assert posts_on(ana, "/user/ben") == posts_on(ana, f"/post/{theirs.id}") == [theirs.id]
    assert ana.get("/timeline/news?after=0").json["count"] == 1
    assert "@ben<" in ana.get("/search?in=people&q=ben").text
    submit_action(ana, "unmute", "ben")
    for path in ("/", "/explore", "/search?q=kestrel"):
        assert posts_on(ana, path) == [theirs.id, mine.id], path


def test_muted_members_posts_are_not_offered_as_new(ana, ben, run_jobs):
    ana.get("/notifications?since=0")
    submit_action(ana, "mute", "ben")
    publish(ben, "hello")
    run_jobs()
    assert polled_states(ana, "timeline") == []
    submit_action(ana, "unmute", "ben")
    publish(ben, "hello again")
    run_jobs()
    assert len(polled_states(ana, "timeline")) == 1


def test_muted_member_causes_no_badge_and_no_email_until_unmuted(ana, ben, run_jobs, mails):
    publish(ben, "listen, @ana")
    assert send_text(ben, "ana", "hello") == 303
    submit_action(ana, "mute", "ben")
    publish(ben, "listen again, @ana")
    assert send_text(ben, "ana", "hello again") == 303
    assert unread_counts(ana) == (0, 0)
    assert "listen" not in ana.get("/activity").text
    assert "hello again" in ana.get("/messages/ben").text
    run_jobs(advance=14 * 24 * HOUR)
    assert len(mails) == 0
    submit_action(ana, "unmute", "ben")
    assert unread_counts(ana) == (2, 2)
    assert "listen again" in ana.get("/activity").text
    run_jobs(advance=14 * 24 * HOUR)
    text = " ".join(mail.text for mail in mails)
    assert "listen again" in text and "hello again" in text


def test_muted_member_does_not_notice_the_mute(ana, ben):
    send_text(ben, "ana", "hello")
    send_text(ana, "ben", "and hello to you")
    before, since = unread_counts(ben), newest_timestamp(ben)
    submit_action(ana, "mute", "ben")
    assert ben.get(f"/notifications?since={since}").json == []
    assert unread_counts(ben) == before
    assert send_text(ben, "ana", "are you there?") == 303
    assert ben.post_form("/unfollow/ana").status_code == ben.post_form("/follow/ana").status_code == 303
    submit_action(ana, "unmute", "ben")
    assert not [
        name
        for name in ("unread_message_count", "unread_activity_count")
        if polled_states(ben, name, newest_timestamp(ben))
    ]


def test_profile_shows_the_mute_and_an_unmute_button(ana, ben):
    answer = ana.submit("/user/ben", {"hours": "8"}, action="/mute/ben")
    page = ana.follow(answer).text
    assert "You muted ben." in page and "in 8 hours" in page
    assert 'action="/unmute/ben"' in page and 'action="/mute/ben"' not in page
    answer = ana.submit("/user/ben", action="/unmute/ben")
    assert "You unmuted ben." in ana.follow(answer).text
    assert 'action="/mute/ben"' in ana.get("/user/ben").text


def test_permanent_mute_has_no_end(ana, ben, db, mute, run_jobs):
    submit_action(ana, "mute", "ben", hours="")
    assert mute().until is None
    assert pending_unmute_jobs(db) == []


@pytest.mark.slow
@pytest.mark.parametrize("hours", HOURS)
def test_temporary_mute_ends_automatically(ana, ben, as_, mute, run_jobs, mails, time_machine, hours):
    time_machine.move_to(now(), tick=False)
    submit_action(ana, "mute", "ben", hours=str(hours))
    assert mute().until == now() + timedelta(hours=hours)
    send_text(ben, "ana", "hello")
    publish(ben, "listen, @ana")
    time_machine.shift(hours * HOUR - 1)
    run_jobs()
    assert unread_counts(as_(ana.user)) == (0, 0)
    assert len(mails) == 0
    time_machine.shift(2)
    run_jobs()
    assert mute() is None
    assert unread_counts(as_(ana.user)) == (1, 1)
    time_machine.shift(2 * 24 * HOUR)
    run_jobs()
    assert len(mails) == 2  # the message, and the digest with the mention


def test_early_or_repeated_unmute_job_does_not_end_the_mute(ana, ben, db, mute, run_jobs):
    submit_action(ana, "mute", "ben", hours="1")
    [job] = pending_unmute_jobs(db)
    for _again in range(2):
        job.run_after = now()
        db.session.commit()
        run_jobs()
        assert mute() is not None
        [job] = pending_unmute_jobs(db)
    assert job.run_after > now() + timedelta(minutes=59)


def test_renewed_mute_is_not_ended_by_the_job_of_an_earlier_one(ana, ben, db, mute, run_jobs):
    submit_action(ana, "mute", "ben", hours="1")
    submit_action(ana, "unmute", "ben")
    run_jobs(advance=2 * HOUR)
    submit_action(ana, "mute", "ben", hours="1")
    submit_action(ana, "mute", "ben", hours="")
    run_jobs(advance=2 * HOUR)
    assert mute().until is None
    assert pending_unmute_jobs(db) == []


@pytest.mark.parametrize(("first", "then"), [("1", "8"), ("8", "1")])
def test_latest_mute_duration_applies(ana, ben, mute, run_jobs, time_machine, first, then):
    time_machine.move_to(now(), tick=False)
    submit_action(ana, "mute", "ben", hours=first)
    submit_action(ana, "mute", "ben", hours=then)
    time_machine.shift(HOUR + 1)
    run_jobs()
    assert (mute() is None) == (then == "1")
    time_machine.shift(7 * HOUR)
    run_jobs()
    assert mute() is None


@pytest.mark.parametrize(("hours", "status"), [("0", 303), ("2", 303), ("-1", 303), ("x", 400), ("9" * 30, 303)])
def test_invalid_mute_duration_is_rejected(ana, ben, mute, hours, status):
    assert ana.post_form("/mute/ben", {"hours": hours}).status_code == status
    assert mute() is None


def test_members_cannot_mute_themselves_or_missing_accounts(ana, mute):
    answer = ana.post_form("/mute/ana")
    assert "You can&#39;t mute yourself." in ana.follow(answer).text
    assert mute() is None
    assert ana.post_form("/mute/nobody").status_code == 404


def test_blocking_and_unblocking_keeps_the_mute(ana, ben, mute):
    send_text(ben, "ana", "hello")
    submit_action(ana, "mute", "ben")
    submit_action(ana, "block", "ben")
    submit_action(ana, "unblock", "ben")
    assert mute() is not None
    assert unread_counts(ana)[0] == 0
    submit_action(ana, "unmute", "ben")
    assert unread_counts(ana)[0] == 1
