"""Calculate when a user may be notified, from quiet hours, pauses and digest times. All functions are pure.

Times of day are minutes after midnight in local time. When summer time begins or ends, a local time is skipped or
occurs twice. If quiet hours start at a time that occurs twice, they start at the first occurrence. If they end at such
a time, they end at the second. If they start or end at a skipped time, the longer of the two possible periods applies.
A digest at a time that occurs twice is sent at the first occurrence. A digest at a skipped time is sent later, by the
length of the skip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True)
class Hours:
    """A user's quiet hours, pause and digest times. Times of day are minutes after midnight in the time zone `zone`."""

    zone: tzinfo
    quiet_from: int | None  # None = no quiet hours
    quiet_until: int | None
    paused_until: datetime | None
    digest_at: int
    digest_weekday: int  # 0 = Monday


def next_allowed(hours: Hours, moment: datetime) -> datetime:
    """Return the first time at or after `moment` that is neither in a pause nor in quiet hours."""
    if hours.paused_until is not None and hours.paused_until > moment:
        moment = hours.paused_until
    for begin, end in _quiet_times(hours, moment):
        if begin <= moment < end:
            moment = end  # may be inside the next quiet period: two can overlap when clocks go forward
    return moment


def next_quiet_from(hours: Hours, moment: datetime) -> datetime | None:
    """Return when quiet hours next begin after `moment`; None if the user has no quiet hours."""
    return min((begin for begin, _end in _quiet_times(hours, moment) if begin > moment), default=None)


def next_digest(hours: Hours, cadence: str, moment: datetime) -> datetime:
    """Return when the next digest after `moment` is sent. `cadence` is "daily" or "weekly".

    A digest that is due in quiet hours or in a pause is sent when they end.
    """
    local = moment.astimezone(hours.zone).date()
    days = (local + timedelta(days=ahead) for ahead in range(9))
    wanted = (day for day in days if cadence == "daily" or day.weekday() == hours.digest_weekday)
    due = next(at for at in (_moments(hours, day, hours.digest_at)[0] for day in wanted) if at > moment)
    return next_allowed(hours, due)


def _quiet_times(hours: Hours, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield (begin, end) of each quiet period from a day before `moment` to two days after it, in order."""
    begin, end = hours.quiet_from, hours.quiet_until
    if begin is None or end is None or begin == end:
        return
    local = moment.astimezone(hours.zone).date()
    over_midnight = timedelta(days=1) if end < begin else timedelta(0)
    for ahead in (-1, 0, 1, 2):
        day = local + timedelta(days=ahead)
        yield min(_moments(hours, day, begin)), max(_moments(hours, day + over_midnight, end))


def _moments(hours: Hours, day: date, minutes: int) -> tuple[datetime, datetime]:
    """Return the two UTC times that a local time can mean. They are equal unless a clock change repeats or skips it."""
    wall = datetime.combine(day, time(*divmod(minutes, 60)), hours.zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
