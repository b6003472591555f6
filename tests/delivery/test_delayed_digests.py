"""Digests whose hour has come while something held them back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.models import Job
from tests.delivery.events import record_events, set_preference, set_profile
from tests.factories import a_user

MONDAY = datetime(2026, 6, 15, 8, tzinfo=UTC)  # the hour of both digests
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ben(db, time_machine):
    """Somebody to whom something happened before the digest's hour."""
    time_machine.move_to(MONDAY - timedelta(hours=1), tick=False)
    return a_user("ben")


def due(db, person) -> list[datetime]:
    db.session.expire_all()
    waiting = select(Job.run_after).where(Job.name == "notifications.digest", Job.state == "queued")
    return list(db.session.scalars(waiting.order_by(Job.run_after)))


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
def test_ending_a_pause_sends_the_held_digest(ben, db, time_machine, run_jobs, mails, cadence):
    set_preference(ben, "mention", mail=cadence)
    record_events("mention", ben)
    time_machine.move_to(MONDAY - MINUTE, tick=False)
    set_profile(ben, paused_until=MONDAY + timedelta(hours=2))
    time_machine.move_to(MONDAY + 30 * MINUTE, tick=False)
    run_jobs()
    assert len(mails) == 0
    set_profile(ben, paused_until=None)
    run_jobs()
    assert len(mails) == 1


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
def test_saving_settings_in_quiet_hours_does_not_skip_a_held_digest(ben, db, time_machine, run_jobs, mails, cadence):
    set_preference(ben, "mention", mail=cadence)
    set_profile(ben, quiet_from=22 * 60, quiet_until=9 * 60)
    record_events("mention", ben)
    assert due(db, ben) == [MONDAY + 60 * MINUTE]
    time_machine.move_to(MONDAY + 30 * MINUTE, tick=False)
    set_profile(ben, quiet_from=22 * 60, quiet_until=10 * 60)
    assert due(db, ben) == [MONDAY + 120 * MINUTE]
    set_profile(ben, not_following="hold")
    assert due(db, ben) == [MONDAY + 120 * MINUTE]
    time_machine.move_to(MONDAY + 120 * MINUTE, tick=False)
    run_jobs()
    assert len(mails) == 1
