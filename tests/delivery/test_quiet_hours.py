"""Quiet hours, pauses and digests, in zones whose clocks change in four different ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.preferences import default_profile, hours
from app.notifications.quiet_hours import Hours, next_allowed, next_digest, next_quiet_from
from tests.factories import a_user

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
MINUTE = timedelta(minutes=1)
A_CHANGE = timedelta(hours=1, minutes=1)  # no clock of these moves further

# Half of the moments lie about a change of clocks in one of the zones: Berlin, New York, Lord Howe.
CHANGES = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 29), (10, 25), (3, 8), (11, 1), (4, 5), (10, 4))]
moments = st.one_of(
    st.integers(0, 365 * 86_400).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(CHANGES), st.integers(-1800, 1800)
    ),
)
times_of_day = st.integers(0, 24 * 60 - 1)
zones = st.sampled_from(ZONES).map(ZoneInfo)


@st.composite
def people(draw) -> Hours:
    quiet = draw(st.one_of(st.none(), st.tuples(times_of_day, times_of_day)))
    return Hours(
        zone=draw(zones),
        quiet_from=quiet[0] if quiet else None,
        quiet_until=quiet[1] if quiet else None,
        paused_until=draw(st.one_of(st.none(), moments)),
        digest_at=draw(times_of_day),
        digest_weekday=draw(st.integers(0, 6)),
    )


def local_time(person: Hours, moment: datetime) -> datetime:
    return moment.astimezone(person.zone)


def is_quiet(person: Hours, moment: datetime) -> bool:
    """By nothing but the clock on the person's wall."""
    begin, end = person.quiet_from, person.quiet_until
    if begin is None or end is None or begin == end:
        return False
    shown = local_time(person, moment)
    minutes = shown.hour * 60 + shown.minute
    return begin <= minutes < end if begin < end else minutes >= begin or minutes < end


def is_paused(person: Hours, moment: datetime) -> bool:
    return person.paused_until is not None and moment < person.paused_until


def clocks_change(person: Hours, moment: datetime) -> bool:
    """Whether they do within an hour or so of it."""
    return local_time(person, moment - A_CHANGE).utcoffset() != local_time(person, moment + A_CHANGE).utcoffset()


@given(people(), moments)
def test_next_allowed_time_is_outside_quiet_hours_and_pause(person, moment):
    told = next_allowed(person, moment)
    assert told >= moment
    assert not is_paused(person, told)
    assert not is_quiet(person, told)


@given(people(), moments)
def test_delivery_is_not_delayed_longer_than_necessary(person, moment):
    """Up to the moment it gives every minute is paused or quiet, but for the hour in which clocks change."""
    told = next_allowed(person, moment)
    if person.paused_until is not None and person.paused_until > moment:
        moment = person.paused_until
    while moment < told:
        assert is_quiet(person, moment) or clocks_change(person, moment), local_time(person, moment)
        moment += 7 * MINUTE


@given(people(), moments)
def test_next_allowed_time_is_idempotent(person, moment):
    told = next_allowed(person, moment)
    assert next_allowed(person, told) == told


@given(people(), moments, st.sampled_from(["daily", "weekly"]))
def test_digest_is_due_at_an_allowed_time_within_its_period(person, moment, cadence):
    due = next_digest(person, cadence, moment)
    assert moment < due
    assert not is_quiet(person, due)
    assert not is_paused(person, due)
    days = 1 if cadence == "daily" else 7
    free = max(moment, person.paused_until) if person.paused_until else moment
    assert due <= free + timedelta(days=days + 1) + 2 * A_CHANGE


@given(people(), moments, st.sampled_from(["daily", "weekly"]))
def test_undisturbed_digest_is_due_at_the_exact_minute(person, moment, cadence):
    free = Hours(person.zone, None, None, None, person.digest_at, person.digest_weekday)
    due = next_digest(free, cadence, moment)
    shown = local_time(free, due)
    on_time = shown.hour * 60 + shown.minute == free.digest_at
    assert on_time or clocks_change(free, due)
    assert cadence == "daily" or shown.weekday() == free.digest_weekday
    assert due - moment <= timedelta(days=1 if cadence == "daily" else 7) + A_CHANGE


@given(people(), moments)
def test_next_quiet_time_starts_within_a_day(person, moment):
    begin = next_quiet_from(person, moment)
    if person.quiet_from is None or person.quiet_from == person.quiet_until:
        assert begin is None
    else:
        assert moment < begin <= moment + timedelta(days=1) + A_CHANGE
        assert is_quiet(person, begin) or clocks_change(person, begin)


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "told"),
    [
        # Across midnight, in a night as any other.
        ("Europe/Berlin", ("22:00", "07:00"), "2026-06-10T23:30+02:00", "2026-06-11T07:00+02:00"),
        ("Europe/Berlin", ("22:00", "07:00"), "2026-06-10T21:59+02:00", "2026-06-10T21:59+02:00"),
        ("Europe/Berlin", ("22:00", "07:00"), "2026-06-11T07:00+02:00", "2026-06-11T07:00+02:00"),
        # The night in which clocks go forward, and that in which they go back: seven by the wall.
        ("Europe/Berlin", ("22:00", "07:00"), "2026-03-28T23:30+01:00", "2026-03-29T07:00+02:00"),
        ("Europe/Berlin", ("22:00", "07:00"), "2026-10-24T23:30+02:00", "2026-10-25T07:00+01:00"),
        ("America/New_York", ("23:00", "06:00"), "2026-03-08T00:10-05:00", "2026-03-08T06:00-04:00"),
        ("America/New_York", ("23:00", "06:00"), "2026-11-01T00:10-04:00", "2026-11-01T06:00-05:00"),
        # An end that is skipped comes as much later; one that comes twice counts when it comes last.
        ("Europe/Berlin", ("22:00", "02:30"), "2026-03-29T01:00+01:00", "2026-03-29T03:30+02:00"),
        ("Europe/Berlin", ("22:00", "02:30"), "2026-10-25T02:40+02:00", "2026-10-25T02:30+01:00"),
        ("Australia/Lord_Howe", ("22:00", "02:15"), "2026-10-04T01:00+10:30", "2026-10-04T02:45+11:00"),
        ("Australia/Lord_Howe", ("22:00", "01:45"), "2026-04-05T01:50+11:00", "2026-04-05T01:45+10:30"),
        # A beginning that comes twice counts when it comes first.
        ("Europe/Berlin", ("02:30", "07:00"), "2026-10-25T02:40+02:00", "2026-10-25T07:00+01:00"),
        # No time at all: the same beginning and end.
        ("Europe/Berlin", ("07:00", "07:00"), "2026-06-10T07:00+02:00", "2026-06-10T07:00+02:00"),
        # Nearly a whole day, whose end lies in the next one when clocks go forward.
        ("Europe/Berlin", ("03:00", "02:30"), "2026-03-28T12:00+01:00", "2026-03-30T02:30+02:00"),
    ],
)
def test_quiet_nights_in_different_time_zones(zone, quiet, now, told):
    begin, end = (int(time[:2]) * 60 + int(time[3:]) for time in quiet)
    person = Hours(ZoneInfo(zone), begin, end, None, 480, 0)
    assert next_allowed(person, datetime.fromisoformat(now)) == datetime.fromisoformat(told)


def test_pause_that_ends_in_quiet_hours_ends_with_them():
    person = Hours(ZoneInfo("Europe/Berlin"), 22 * 60, 7 * 60, datetime(2026, 6, 10, 21, 0, tzinfo=UTC), 480, 0)
    told = next_allowed(person, datetime(2026, 6, 10, 19, 0, tzinfo=UTC))
    assert told == datetime(2026, 6, 11, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "cadence", "now", "due"),
    [
        ("Europe/Berlin", "daily", "2026-06-10T07:59+02:00", "2026-06-10T08:00+02:00"),
        ("Europe/Berlin", "daily", "2026-06-10T08:00+02:00", "2026-06-11T08:00+02:00"),
        ("Europe/Berlin", "daily", "2026-03-28T09:00+01:00", "2026-03-29T08:00+02:00"),
        ("Europe/Berlin", "weekly", "2026-06-10T12:00+02:00", "2026-06-15T08:00+02:00"),
        ("Europe/Berlin", "weekly", "2026-06-15T08:01+02:00", "2026-06-22T08:00+02:00"),
        ("America/New_York", "daily", "2026-06-10T03:00+00:00", "2026-06-10T08:00-04:00"),
    ],
)
def test_digest_due_times_in_different_time_zones(zone, cadence, now, due):
    person = Hours(ZoneInfo(zone), None, None, None, 480, 0)
    assert next_digest(person, cadence, datetime.fromisoformat(now)) == datetime.fromisoformat(due)


def test_current_utc_offset_of_the_time_zone_is_used(db):
    """A zone of pytz, put on a date as it is, means the local time of 1890: Berlin is 53 minutes ahead of London."""
    ben = a_user("ben", timezone="Europe/Berlin")
    found = hours(ben, default_profile(ben.id))
    assert next_digest(found, "daily", datetime(2026, 6, 10, tzinfo=UTC)) == datetime(2026, 6, 10, 6, tzinfo=UTC)
