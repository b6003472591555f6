"""When a person may be told: quiet hours, a pause, and the times of digests. Pure functions, in the person's zone.

Times of day are minutes after midnight, as the clock on the wall shows them. Where a change of clocks leaves a choice,
the quiet time is the longer one: nobody is told anything while their wall shows a quiet time. A digest whose time is
skipped comes as much later, and one whose time comes twice comes the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True)
class Hours:
    """One person's times."""

    zone: tzinfo
    quiet_from: int | None  # None = no quiet hours
    quiet_until: int | None
    paused_until: datetime | None
    digest_at: int
    digest_weekday: int  # 0 = Monday


def may_tell_at(hours: Hours, moment: datetime) -> datetime:
    """The first moment from `moment` on that is neither paused nor quiet: `moment` itself when it is neither."""
    if hours.paused_until is not None and hours.paused_until > moment:
        moment = hours.paused_until
    for begin, end in _quiet_times(hours, moment):
        if begin <= moment < end:
            moment = end  # which may lie in the next one: where clocks go forward, two can overlap
    return moment


def next_quiet_from(hours: Hours, moment: datetime) -> datetime | None:
    """When the quiet hours begin next after `moment`; None without quiet hours."""
    return min((begin for begin, _end in _quiet_times(hours, moment) if begin > moment), default=None)


def next_digest(hours: Hours, cadence: str, moment: datetime) -> datetime:
    """The first time of a "daily" or "weekly" digest after `moment`; in quiet hours it waits for their end."""
    local = moment.astimezone(hours.zone).date()
    days = (local + timedelta(days=ahead) for ahead in range(9))
    wanted = (day for day in days if cadence == "daily" or day.weekday() == hours.digest_weekday)
    due = next(at for at in (_moments(hours, day, hours.digest_at)[0] for day in wanted) if at > moment)
    return may_tell_at(hours, due)


def _quiet_times(hours: Hours, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The quiet times that touch the days around `moment`, in order."""
    begin, end = hours.quiet_from, hours.quiet_until
    if begin is None or end is None or begin == end:
        return
    local = moment.astimezone(hours.zone).date()
    over_midnight = timedelta(days=1) if end < begin else timedelta(0)
    for ahead in (-1, 0, 1, 2):
        day = local + timedelta(days=ahead)
        yield min(_moments(hours, day, begin)), max(_moments(hours, day + over_midnight, end))


def _moments(hours: Hours, day: date, minutes: int) -> tuple[datetime, datetime]:
    """The moment of a time of day by the rules before and after a change of clocks; nearly always the same."""
    wall = datetime.combine(day, time(*divmod(minutes, 60)), hours.zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
