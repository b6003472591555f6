"""Mail about what happened: what it says, when it comes, and when it does not."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app import mailer
from app.core.time import now
from app.delivery.pending_events import QUOTED
from app.extensions import db as the_db
from app.jobs import enqueue
from app.jobs.registry import RETRY_DELAYS
from app.models import Activity, DeliveryProfile, Job, MailTally, User
from app.notifications import record_event
from app.notifications.kinds import CONFIGURABLE
from tests.delivery.events import ACTIVITY, record_events, set_preference, set_profile, somebody
from tests.factories import a_user

SUBJECTS = {
    "message": "New message from friend",
    "mention": "friend",
    "reply": "friend",
    "quote": "friend",
    "like": "friend",
    "poll_closed": "Your poll has ended",
    "repost": "friend",
    "follow": "friend",
    "job_done": "Your export is ready",
    "job_failed": "Your export failed",
    "login": "New login: Firefox on Linux",
}
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)  # a Wednesday
NOT_ESSENTIAL = [name for name, kind in CONFIGURABLE.items() if not kind.essential]


@pytest.fixture
def ben(db):
    return a_user("ben")


@pytest.fixture
def clock(time_machine):
    """A clock that stands at noon until it is moved."""
    time_machine.move_to(NOON, tick=False)
    return time_machine


def pending_jobs(db) -> list[Job]:
    return list(
        db.session.scalars(
            select(Job).where(Job.name.in_(["notifications.mail", "notifications.digest"]), Job.state == "queued")
        )
    )


@pytest.mark.parametrize("kind", CONFIGURABLE)
def test_single_event_is_emailed_once_with_its_sentence_as_subject(ben, db, run_jobs, mails, kind):
    set_preference(ben, kind, mail="now")
    record_events(kind, ben)
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.envelope_to == ["ben@example.org"]
    assert mail.subject.startswith(SUBJECTS[kind])
    assert "http://microblog.test/" in mail.text and "http://microblog.test/" in mail.html
    assert "http://microblog.test/notification_settings" in mail.text
    run_jobs(advance=86_400)
    assert len(mails) == 1


@pytest.mark.parametrize("kind", CONFIGURABLE)
def test_kind_without_email_is_not_emailed(ben, db, run_jobs, mails, kind):
    set_preference(ben, kind, mail="none")
    record_events(kind, ben)
    run_jobs(advance=8 * 86_400)
    assert len(mails) == 0


@pytest.mark.parametrize("kind", NOT_ESSENTIAL)
def test_email_is_delayed(ben, db, run_jobs, mails, kind):
    set_preference(ben, kind, mail="now")
    record_events(kind, ben)
    run_jobs(advance=30)
    assert len(mails) == 0


def test_login_email_ignores_delay_quiet_hours_and_pause(ben, db, run_jobs, mails):
    set_profile(ben, quiet_from=0, quiet_until=1439, paused_until=now() + timedelta(hours=2))
    record_events("login", ben)
    run_jobs()
    assert len(mails) == 1


def test_login_email_explains_what_to_do_about_an_unknown_login(ben, db, run_jobs, mails):
    set_preference(ben, "follow", mail="now")
    record_events("follow", ben)
    record_events("login", ben)
    run_jobs(advance=60)
    login, follow = sorted(mails, key=lambda mail: "login" not in mail.subject)
    assert "change your password" in login.text and "change your password" in login.html
    assert "change your password" not in follow.text + follow.html


@pytest.mark.parametrize("kind", ACTIVITY)
def test_events_read_on_the_activity_page_are_not_emailed(ben, as_, db, run_jobs, mails, kind):
    set_preference(ben, kind, mail="daily")
    record_events(kind, ben)
    assert as_(ben).submit("/activity", action="/activity/read").status_code == 303
    run_jobs(advance=8 * 86_400)
    assert len(mails) == 0


def test_pending_events_make_one_email_with_a_section_per_kind(ben, db, run_jobs, mails):
    for kind in NOT_ESSENTIAL:
        set_preference(ben, kind, mail="now")
        record_events(kind, ben, times=2)
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.subject == f"{2 * len(NOT_ESSENTIAL)} new notifications"
    for words in (mail.text, mail.html):
        places = [words.index(str(CONFIGURABLE[kind].label)) for kind in NOT_ESSENTIAL]
        assert places == sorted(places)
        assert "Have you seen this" in words
    assert "and friend" in mail.text  # two followers are one line
    run_jobs(advance=60)
    assert len(mails) == 1


def test_essential_email_contains_no_other_events(ben, db, run_jobs, mails):
    record_events("message", ben)
    record_events("login", ben)
    run_jobs()
    assert [mail.subject for mail in mails] == ["New login: Firefox on Linux"]


@pytest.mark.slow
def test_long_email_quotes_some_events_and_marks_all_as_sent(ben, db, run_jobs, mails):
    set_preference(ben, "mention", mail="now")
    record_events("mention", ben, times=QUOTED + 3)
    run_jobs(advance=60)
    (mail,) = mails
    assert mail.subject == f"{QUOTED + 3} new notifications"
    assert mail.text.count("mentioned you") == QUOTED
    assert "And 3 more." in mail.text and "And 3 more." in mail.html
    record_events("mention", ben)
    run_jobs(advance=60)
    assert mails[1].subject.endswith(" mentioned you")


def test_held_event_is_not_emailed(ben, db, run_jobs, mails):
    set_preference(ben, "follow", mail="now")
    set_profile(ben, not_following="hold")
    record_events("follow", ben)
    assert db.session.scalars(select(Activity.filtered_by)).all() == ["not_following"]
    run_jobs(advance=86_400)
    assert len(mails) == 0


@pytest.mark.parametrize(("cadence", "due"), [("daily", "2026-06-10T08:30"), ("weekly", "2026-06-12T08:30")])
def test_digest_is_sent_at_the_chosen_hour_in_the_readers_time_zone(db, clock, run_jobs, mails, cadence, due):
    ben = a_user("ben", timezone="America/New_York")
    set_profile(ben, digest_at=8 * 60 + 30, digest_weekday=4)
    set_preference(ben, "mention", mail=cadence)
    due = datetime.fromisoformat(f"{due}-04:00")
    record_events("mention", ben, times=2)
    clock.move_to(due - timedelta(seconds=1), tick=False)
    record_events("mention", ben)
    run_jobs()
    assert len(mails) == 0
    clock.move_to(due, tick=False)
    run_jobs()
    (mail,) = mails
    assert mail.subject == {"daily": "Your day on Microblog", "weekly": "Your week on Microblog"}[cadence]
    assert "You have 3 new notifications" in mail.text


def test_digest_of_one_event_names_it_in_the_subject(ben, db, run_jobs, mails):
    record_events("mention", ben)
    run_jobs(advance=86_400)
    assert mails[0].subject.endswith("mentioned you")


def test_quiet_hours_hold_an_email_until_they_end(db, clock, run_jobs, mails):
    ben = a_user("ben", timezone="Europe/Berlin")
    set_profile(ben, quiet_from=14 * 60, quiet_until=9 * 60)
    record_events("message", ben)
    assert [job.run_after for job in pending_jobs(db)] == [datetime(2026, 6, 11, 7, tzinfo=UTC)]
    clock.move_to(datetime(2026, 6, 11, 6, 59, 59, tzinfo=UTC), tick=False)
    record_events("message", ben)
    run_jobs()
    assert len(mails) == 0
    clock.move_to(datetime(2026, 6, 11, 7, tzinfo=UTC), tick=False)
    run_jobs()
    assert [mail.subject for mail in mails] == ["2 new notifications"]


def test_due_email_checks_pause_again_before_sending(ben, db, clock, run_jobs, mails):
    """Whatever made it due: a retry, or a worker that was away for a night."""
    record_events("message", ben)
    db.session.add(DeliveryProfile(user_id=ben.id, paused_until=NOON + timedelta(hours=2)))
    db.session.commit()
    clock.shift(60)
    run_jobs()
    assert len(mails) == 0
    assert [job.run_after for job in pending_jobs(db)] == [NOON + timedelta(hours=2)]
    clock.move_to(NOON + timedelta(hours=2), tick=False)
    run_jobs()
    assert len(mails) == 1
    assert pending_jobs(db) == []


def test_pause_delays_pending_email_and_resuming_sends_it(ben, db, clock, run_jobs, mails):
    record_events("message", ben)
    set_profile(ben, paused_until=NOON + timedelta(hours=2))
    clock.shift(3600)
    run_jobs()
    assert len(mails) == 0
    set_profile(ben, paused_until=None)
    clock.shift(60)
    run_jobs()
    assert len(mails) == 1


def test_saving_unchanged_settings_does_not_delay_email(ben, db, clock, run_jobs, mails):
    record_events("message", ben)
    for _ in range(3):
        clock.shift(19)
        set_profile(ben, digest_at=9 * 60)
    clock.shift(3)
    run_jobs()
    assert len(mails) == 1


def test_changing_a_cadence_reschedules_pending_events(ben, db, clock, run_jobs, mails):
    set_preference(ben, "mention", mail="weekly")
    record_events("mention", ben)
    set_preference(ben, "mention", mail="daily")
    clock.move_to(NOON + timedelta(hours=19, minutes=59), tick=False)
    run_jobs()
    assert len(mails) == 0
    clock.move_to(NOON + timedelta(hours=20), tick=False)
    run_jobs()
    assert len(mails) == 1
    set_preference(ben, "mention", mail="now")
    clock.move_to(NOON + timedelta(days=8), tick=False)
    run_jobs()
    assert len(mails) == 1


def test_changing_hour_or_time_zone_reschedules_the_digest(ben, db, clock):
    record_events("mention", ben)
    assert [job.run_after for job in pending_jobs(db)] == [datetime(2026, 6, 11, 8, tzinfo=UTC)]
    set_profile(ben, digest_at=18 * 60)
    assert [job.run_after for job in pending_jobs(db)] == [datetime(2026, 6, 10, 18, tzinfo=UTC)]
    ben.timezone = "America/New_York"
    set_profile(ben)
    assert [job.run_after for job in pending_jobs(db)] == [datetime(2026, 6, 10, 22, tzinfo=UTC)]


def test_email_above_the_daily_cap_is_combined_on_the_next_day(ben, db, clock, configure, run_jobs, mails):
    configure(MAIL_DAILY_CAP=2)
    for _ in range(5):
        record_events("message", ben)
        clock.shift(60)
        run_jobs()
    record_events("login", ben)
    run_jobs()
    assert [mail.subject[:11] for mail in mails] == ["New message", "New message", "New login: "]
    assert db.session.scalars(select(MailTally.sent)).all() == [2]
    clock.move_to(datetime(2026, 6, 10, 23, 59, 59, tzinfo=UTC), tick=False)
    run_jobs()
    assert len(mails) == 3
    clock.move_to(datetime(2026, 6, 11, tzinfo=UTC), tick=False)
    run_jobs()
    assert [mail.subject for mail in mails][3:] == ["3 new notifications"]


def test_digest_above_the_cap_is_sent_at_its_hour_on_the_next_day(ben, db, clock, configure, run_jobs, mails):
    configure(MAIL_DAILY_CAP=1)
    set_profile(ben, digest_at=14 * 60, digest_weekday=2)
    set_preference(ben, "mention", mail="weekly")
    record_events("mention", ben)
    record_events("message", ben)
    clock.move_to(NOON.replace(hour=14), tick=False)
    run_jobs()
    assert len(mails) == 1
    assert [job.run_after for job in pending_jobs(db)] == [datetime(2026, 6, 11, 14, tzinfo=UTC)]


def test_site_cap_counts_emails_of_all_members(ben, db, clock, configure, run_jobs, mails):
    configure(MAIL_DAILY_CAP_SITE=2)
    for _ in range(4):
        record_events("message", somebody())
    clock.shift(60)
    run_jobs()
    assert len(mails) == 2
    clock.shift(86_400)
    run_jobs()
    assert len(mails) == 4


@pytest.mark.slow
def test_no_email_is_delayed_without_caps(ben, db, clock, configure, run_jobs, mails):
    configure(MAIL_DAILY_CAP=0)
    for _ in range(25):
        record_events("message", ben)
        clock.shift(60)
        run_jobs()
    assert len(mails) == 25


def test_lost_smtp_response_resends_with_the_same_message_id_and_counts_once(ben, db, run_jobs, mails):
    record_events("job_failed", ben)
    mails.mode = "drop"
    run_jobs(advance=60, may_fail=True)
    mails.mode = "ok"
    run_jobs(advance=RETRY_DELAYS[0])
    assert len(mails) == 2
    assert len({mail.message_id for mail in mails}) == 1
    assert db.session.scalars(select(MailTally.sent)).all() == [1]


def test_repeated_email_job_sends_nothing(ben, db, run_jobs, mails):
    record_events("job_failed", ben)
    run_jobs(advance=60)
    enqueue("notifications.mail", user_id=ben.id, cadence="now")
    run_jobs()
    assert len(mails) == 1


def test_events_during_sending_get_a_separate_email(ben, db, app, run_jobs, mails, monkeypatch):
    deliver = mailer.deliver

    def with_news(message):
        monkeypatch.setattr(mailer, "deliver", deliver)
        news = threading.Thread(target=_happens_elsewhere, args=(app, ben.id))
        news.start()
        news.join()
        deliver(message)

    set_preference(ben, "follow", mail="now")
    record_events("follow", ben)
    monkeypatch.setattr(mailer, "deliver", with_news)
    run_jobs(advance=60)
    run_jobs(advance=60)
    assert [mail.subject.endswith("followed you") for mail in mails] == [True, True]
    assert mails[0].subject != mails[1].subject


def _happens_elsewhere(app, user_id: int) -> None:
    with app.app_context():
        record_events("follow", the_db.session.get_one(User, user_id))


def test_inactive_and_missing_members_get_no_email(ben, db, run_jobs, mails):
    record_events("login", ben)
    enqueue("notifications.mail", user_id=10**6, cadence="now")
    ben.active = False
    db.session.commit()
    run_jobs(advance=60)
    assert len(mails) == 0


def test_emails_are_in_the_readers_language(db, run_jobs, mails):
    for name, language in (("carla", "es"), ("amal", "ar"), ("dan", "en")):
        reader = a_user(name, language=language)
        record_events("message", reader)
        record_events("job_done", reader)
    run_jobs(advance=60)
    found = {name: mails.to(f"{name}@example.org")[0] for name in ("carla", "amal", "dan")}
    assert [mail.message["Content-Language"] for mail in found.values()] == ["es", "ar", "en"]
    assert 'dir="rtl"' in found["amal"].html
    assert found["dan"].subject == "2 new notifications"


def test_name_in_a_subject_cannot_inject_a_header(ben, db, run_jobs, mails):
    set_preference(ben, "follow", mail="now")
    record_events("follow", ben)
    follower = db.session.scalars(select(Activity)).one().actor_id
    db.session.get_one(User, follower).name = "Ana\r\nBcc: all@example.org =?utf-8?q?x?="
    db.session.commit()
    run_jobs(advance=60)
    assert mails[0].message["Bcc"] is None
    assert mails[0].envelope_to == ["ben@example.org"]


def test_changing_the_profile_time_zone_reschedules_the_digest(as_, db, clock):
    ana = as_("ana")
    record_events("mention", ana.user)
    assert ana.submit("/edit_profile", {"timezone": "America/New_York"}).status_code == 303
    assert [job.run_after for job in pending_jobs(db)] == [datetime(2026, 6, 11, 12, tzinfo=UTC)]


def test_email_skips_events_locked_by_a_reader(ben, db, run_jobs, mails):
    """Two that lock the same events in different orders would wait for each other for ever."""
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, who locks everything")
    for _ in range(2):
        record_events("job_failed", ben)
    with db.engine.connect() as reading:
        reading.execute(update(Activity).where(Activity.subject.startswith("job")).values(read_at=now()))
        run_jobs(advance=60)
        assert len(mails) == 1
        reading.commit()
    run_jobs(advance=86_400)
    assert len(mails) == 1


@pytest.mark.parametrize(("zone", "day"), [("Asia/Tokyo", "June 18, 2026"), ("America/New_York", "June 17, 2026")])
def test_export_email_shows_the_expiry_date_in_the_readers_time_zone(db, clock, run_jobs, mails, zone, day):
    reader = a_user("ben", timezone=zone)
    result = {"file": "x.json", "posts": 4, "expires_at": "2026-06-17T23:30:00+00:00"}
    task = Job(name="posts.export", args={}, queue="slow", owner_id=reader.id, state="done", result=result)
    db.session.add(task)
    db.session.flush()
    record_event(reader.id, "job_done", task.id, args={"job_id": task.id, "name": task.name})
    db.session.commit()
    clock.shift(60)
    run_jobs()
    assert day in mails[0].text and day in mails[0].html
    assert "4 posts" in mails[0].text
