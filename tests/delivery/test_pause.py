from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from babel.dates import get_timezone
from sqlalchemy import select

from app.core.time import now
from app.delivery import actions
from app.models import DeliveryProfile, Job
from app.notifications import record_event
from app.notifications.preferences import Preference
from tests.factories import a_post, a_user
from tests.support.settings_page import PAGE, submit_settings


def test_pause_shows_its_end_in_local_time_and_ends_automatically(as_, configure, time_machine):
    configure(LANGUAGES=("en", "de"))
    a_user("ana", timezone="Europe/Berlin", language="de")
    a_user("ben", timezone="America/New_York")
    time_machine.move_to(datetime(2026, 7, 1, 12, 5, tzinfo=UTC), tick=False)
    ana, ben = as_("ana"), as_("ben")
    for browser, at in ((ana, "16:05"), (ben, "10:05")):
        answer = browser.post_form(f"{PAGE}/pause")
        assert answer.status_code == 303 and answer.location.endswith(PAGE)
        page = " ".join(browser.follow(answer).text.split())
        assert re.search(rf">{at}(\s?AM)?</time>", page), at
        assert f'action="{PAGE}/resume"' in page
    assert "Paused until" in ben.get(PAGE).text
    time_machine.move_to(datetime(2026, 7, 1, 14, 4, 59, tzinfo=UTC), tick=False)
    assert "Paused until" in ben.get(PAGE).text
    time_machine.move_to(datetime(2026, 7, 1, 14, 5, tzinfo=UTC), tick=False)
    page = ben.get(PAGE).text
    assert "Paused until" not in page
    assert f'action="{PAGE}/pause"' in page


def test_pause_can_be_ended_and_survives_saving_the_settings(as_, db):
    ana = as_("ana")
    ana.post_form(f"{PAGE}/pause")
    submit_settings(ana, digest_at="09:00")
    row = db.session.get_one(DeliveryProfile, ana.user.id)
    assert now() + timedelta(minutes=119) < row.paused_until <= now() + timedelta(hours=2)
    ana.post_form(f"{PAGE}/resume")
    db.session.expire_all()
    assert (row.paused_until, row.digest_at) == (None, 9 * 60)
    assert ana.post_form(f"{PAGE}/resume").status_code == 303  # twice does no harm


def test_pause_redirects_to_the_page_it_was_started_on(as_):
    ana = as_("ana")
    answer = ana.submit("/activity", action=f"{PAGE}/pause")
    assert answer.location.endswith("/activity")
    assert "Paused until" in ana.follow(answer).text
    assert ana.post_form(f"{PAGE}/pause", {"next": "//evil.example"}).location.endswith(PAGE)


def test_settings_page_shows_the_current_delivery_state(as_, time_machine):
    a_user("ana", timezone="Europe/Berlin")
    time_machine.move_to(datetime(2026, 7, 1, 12, 5, tzinfo=UTC), tick=False)
    ana = as_("ana")
    page = ana.get(PAGE).text
    assert "Notifications are on" in page
    assert re.search(r"time zone, <bdi>Berlin</bdi> \(now <time[^>]*>2:05\sPM</time>\)", page)
    submit_settings(ana, quiet="y", quiet_from="14:00", quiet_until="15:00")
    assert re.search(r"Quiet hours until <time[^>]*>3:00\sPM", ana.get(PAGE).text)
    ana.post_form(f"{PAGE}/pause")
    page = ana.get(PAGE).text
    assert re.search(r"Paused until <time[^>]*>4:05\sPM", page)
    submit_settings(ana, quiet="y", quiet_from="16:00", quiet_until="17:30")
    assert re.search(r"Then quiet hours until <time[^>]*>5:30\sPM", ana.get(PAGE).text)


def record_mention(db, person):
    ben = a_user("ben")
    record_event(person.id, "mention", "post:1", actor=ben, post_id=a_post(ben, "@ana").id)
    db.session.commit()


def mail_due(db, person, cadence):
    """When the mail of that cadence goes, as "day hour:minute" in Berlin; None when none waits."""
    db.session.expire_all()
    waiting = select(Job.run_after).where(Job.unique_key == f"mail:{person.id}:{cadence}", Job.state == "queued")
    due = db.session.scalar(waiting)
    return due and due.astimezone(get_timezone("Europe/Berlin")).strftime("%d %H:%M")


def test_saved_settings_apply_to_pending_email(as_, db, configure, time_machine):
    configure(MESSAGE_MAIL_DELAY=600)
    a_user("ana", timezone="Europe/Berlin")
    time_machine.move_to(datetime(2026, 7, 1, 12, 5, tzinfo=UTC), tick=False)
    ana = as_("ana")
    record_mention(db, ana.user)
    assert mail_due(db, ana.user, "daily") == "02 08:00"
    submit_settings(ana, digest_at="18:30")
    assert mail_due(db, ana.user, "daily") == "01 18:30"
    submit_settings(ana, quiet="y", quiet_from="18:00", quiet_until="19:15")
    assert mail_due(db, ana.user, "daily") == "01 19:15"
    submit_settings(ana, **{"mention-mail": "now"})
    assert mail_due(db, ana.user, "now") == "01 14:15"
    ana.post_form(f"{PAGE}/pause")
    assert mail_due(db, ana.user, "now") == "01 16:05"
    ana.post_form(f"{PAGE}/resume")
    assert mail_due(db, ana.user, "now") == "01 14:15"


def test_saving_the_grid_moves_pending_email_to_the_new_cadence(db):
    ana = a_user("ana")
    record_mention(db, ana)
    assert mail_due(db, ana, "weekly") is None
    actions.save_grid(ana, {"mention": Preference(badge=True, push=True, mail="weekly", grouped=False)})
    db.session.commit()
    assert mail_due(db, ana, "weekly") is not None
