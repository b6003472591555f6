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
from tests.privacy.conftest import clock, do, numbers, posts_on, publish, say, told

HOUR = 3600


@pytest.fixture
def mute(db):
    """The mute there is, or None."""
    return lambda: db.session.scalar(select(Mute))


def waiting(db) -> list[Job]:
    """The jobs that wait to end a mute."""
    return list(db.session.scalars(select(Job).where(Job.name == END_MUTE_JOB, Job.state == "queued")))


def test_their_posts_leave_the_lists_and_are_found_where_one_looks_for_them(ana, ben):
    mine, theirs = a_post(ana.user, "kestrel"), a_post(ben.user, "kestrel")
    do(ana, "mute", "ben")
    for path in ("/", "/explore", "/search?q=kestrel"):
        assert posts_on(ana, path) == [mine.id], path
        assert posts_on(ben, path) == [theirs.id, mine.id], path
    assert posts_on(ana, "/user/ben") == posts_on(ana, f"/post/{theirs.id}") == [theirs.id]
    assert ana.get("/timeline/news?after=0").json["count"] == 1
    assert "@ben<" in ana.get("/search?in=people&q=ben").text
    do(ana, "unmute", "ben")
    for path in ("/", "/explore", "/search?q=kestrel"):
        assert posts_on(ana, path) == [theirs.id, mine.id], path


def test_the_bar_of_new_posts_does_not_count_them(ana, ben, run_jobs):
    ana.get("/notifications?since=0")
    do(ana, "mute", "ben")
    publish(ben, "hello")
    run_jobs()
    assert told(ana, "timeline") == []
    do(ana, "unmute", "ben")
    publish(ben, "hello again")
    run_jobs()
    assert len(told(ana, "timeline")) == 1


def test_what_they_do_makes_no_number_and_no_mail_until_the_mute_ends(ana, ben, run_jobs, mails):
    publish(ben, "listen, @ana")
    assert say(ben, "ana", "hello") == 303
    do(ana, "mute", "ben")
    publish(ben, "listen again, @ana")
    assert say(ben, "ana", "hello again") == 303
    assert numbers(ana) == (0, 0)
    assert "listen" not in ana.get("/activity").text
    assert "hello again" in ana.get("/messages/ben").text
    run_jobs(advance=14 * 24 * HOUR)
    assert len(mails) == 0
    do(ana, "unmute", "ben")
    assert numbers(ana) == (2, 2)
    assert "listen again" in ana.get("/activity").text
    run_jobs(advance=14 * 24 * HOUR)
    text = " ".join(mail.text for mail in mails)
    assert "listen again" in text and "hello again" in text


def test_the_other_one_hears_and_sees_nothing_of_it(ana, ben):
    say(ben, "ana", "hello")
    say(ana, "ben", "and hello to you")
    before, since = numbers(ben), clock(ben)
    do(ana, "mute", "ben")
    assert ben.get(f"/notifications?since={since}").json == []
    assert numbers(ben) == before
    assert say(ben, "ana", "are you there?") == 303
    assert ben.post_form("/unfollow/ana").status_code == ben.post_form("/follow/ana").status_code == 303
    do(ana, "unmute", "ben")
    assert not [name for name in ("unread_message_count", "unread_activity_count") if told(ben, name, clock(ben))]


def test_the_page_says_so_with_the_way_back(ana, ben):
    answer = ana.submit("/user/ben", {"hours": "8"}, action="/mute/ben")
    page = ana.follow(answer).text
    assert "You muted ben." in page and "in 8 hours" in page
    assert 'action="/unmute/ben"' in page and 'action="/mute/ben"' not in page
    answer = ana.submit("/user/ben", action="/unmute/ben")
    assert "You unmuted ben." in ana.follow(answer).text
    assert 'action="/mute/ben"' in ana.get("/user/ben").text


def test_a_mute_without_a_time_lasts(ana, ben, db, mute, run_jobs):
    do(ana, "mute", "ben", hours="")
    assert mute().until is None
    assert waiting(db) == []


@pytest.mark.slow
@pytest.mark.parametrize("hours", HOURS)
def test_a_mute_with_a_time_ends_by_itself(ana, ben, as_, mute, run_jobs, mails, time_machine, hours):
    time_machine.move_to(now(), tick=False)
    do(ana, "mute", "ben", hours=str(hours))
    assert mute().until == now() + timedelta(hours=hours)
    say(ben, "ana", "hello")
    publish(ben, "listen, @ana")
    time_machine.shift(hours * HOUR - 1)
    run_jobs()
    assert numbers(as_(ana.user)) == (0, 0)
    assert len(mails) == 0
    time_machine.shift(2)
    run_jobs()
    assert mute() is None
    assert numbers(as_(ana.user)) == (1, 1)
    time_machine.shift(2 * 24 * HOUR)
    run_jobs()
    assert len(mails) == 2  # the message, and the digest with the mention


def test_the_job_may_come_early_and_twice(ana, ben, db, mute, run_jobs):
    do(ana, "mute", "ben", hours="1")
    [job] = waiting(db)
    for _again in range(2):
        job.run_after = now()
        db.session.commit()
        run_jobs()
        assert mute() is not None
        [job] = waiting(db)
    assert job.run_after > now() + timedelta(minutes=59)


def test_a_mute_that_was_taken_back_and_made_again_is_not_ended_by_the_old_job(ana, ben, db, mute, run_jobs):
    do(ana, "mute", "ben", hours="1")
    do(ana, "unmute", "ben")
    run_jobs(advance=2 * HOUR)
    do(ana, "mute", "ben", hours="1")
    do(ana, "mute", "ben", hours="")
    run_jobs(advance=2 * HOUR)
    assert mute().until is None
    assert waiting(db) == []


@pytest.mark.parametrize(("first", "then"), [("1", "8"), ("8", "1")])
def test_the_last_choice_of_a_time_counts(ana, ben, mute, run_jobs, time_machine, first, then):
    time_machine.move_to(now(), tick=False)
    do(ana, "mute", "ben", hours=first)
    do(ana, "mute", "ben", hours=then)
    time_machine.shift(HOUR + 1)
    run_jobs()
    assert (mute() is None) == (then == "1")
    time_machine.shift(7 * HOUR)
    run_jobs()
    assert mute() is None


@pytest.mark.parametrize(("hours", "status"), [("0", 303), ("2", 303), ("-1", 303), ("x", 400), ("9" * 30, 303)])
def test_another_time_is_refused(ana, ben, mute, hours, status):
    assert ana.post_form("/mute/ben", {"hours": hours}).status_code == status
    assert mute() is None


def test_nobody_mutes_themselves_or_nobody(ana, mute):
    answer = ana.post_form("/mute/ana")
    assert "You can&#39;t mute yourself." in ana.follow(answer).text
    assert mute() is None
    assert ana.post_form("/mute/nobody").status_code == 404


def test_a_block_is_stronger_and_leaves_the_mute(ana, ben, mute):
    say(ben, "ana", "hello")
    do(ana, "mute", "ben")
    do(ana, "block", "ben")
    do(ana, "unblock", "ben")
    assert mute() is not None
    assert numbers(ana)[0] == 0
    do(ana, "unmute", "ben")
    assert numbers(ana)[0] == 1
