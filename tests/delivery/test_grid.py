"""Each row of the delivery grid on the real thing: forms, rows, workers, schedulers, and a mail server.

For every kind of event there is a reader who wants mail of that kind alone. The stack's clock is moved, forward only;
essential mail waits for nothing, and proves each time that the road was open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2
import pytest

from app.notifications.kinds import CONFIGURABLE
from tests.delivery.population import DELAY, NOT_ESSENTIAL, Reader, Town
from tests.support.processes import Stack

pytestmark = pytest.mark.slow

BERLIN = "Europe/Berlin"
ESSENTIAL = [name for name in CONFIGURABLE if name not in NOT_ESSENTIAL]
START = "2027-03-02T12:00:00+00:00"


@pytest.fixture(scope="module")
def town(database, tmp_path_factory):
    env = {"MESSAGE_MAIL_DELAY": str(DELAY), "MAIL_DAILY_CAP": "1"}
    stack = Stack(tmp_path_factory.mktemp("stack"), database.copy(), clock=START, **env)
    stack.start()
    made = Town(stack)
    yield made
    made.close()
    stack.stop()


def numbers(town: Town, readers: Iterable[Reader]) -> dict[str, int]:
    return {kind: len(subjects) for kind, subjects in town.told(readers).items()}


def of(essential: int, others: int) -> dict[str, int]:
    """So many mails for each kind."""
    return {**dict.fromkeys(NOT_ESSENTIAL, others), **dict.fromkeys(ESSENTIAL, essential)}


def test_immediate(town):
    readers = town.readers(mail="now")
    town.happens(readers)
    assert numbers(town, readers) == of(essential=1, others=0)  # mail waits a minute, in case it is read
    town.wait(DELAY + 1)
    assert numbers(town, readers) == of(1, 1)
    subjects = {kind: found[0] for kind, found in town.told(readers).items()}
    assert subjects["message"].startswith("New message from friend")
    assert subjects["mention"].endswith(" mentioned you")
    assert subjects["follow"].endswith(" followed you")
    assert subjects["job_done"] == "Your export is ready"
    assert subjects["job_failed"] == "Your export failed"
    assert subjects["login"] == "New login: Firefox on Linux"


def test_none(town):
    readers = town.readers(mail="none")
    town.happens(readers)
    town.go_to("12:00", days=8)
    assert numbers(town, readers) == of(0, 0)


def test_daily_digest(town):
    readers = town.readers(mail="daily", digest_at="06:30", zone=BERLIN)
    town.go_to("12:00", BERLIN)
    town.happens(readers)
    town.happens(readers)
    town.go_to("06:29", BERLIN)
    assert numbers(town, readers) == of(0, 0)
    town.go_to("06:31", BERLIN)
    told = town.told(readers)
    assert re.fullmatch(r"friend\d+ and friend\d+ followed you", told.pop("follow")[0])
    assert told == {kind: ["Your day on Microblog"] for kind in told}
    town.go_to("06:31", BERLIN, days=1)
    assert numbers(town, readers) == of(1, 1)


def test_weekly_digest(town):
    readers = town.readers(mail="weekly", digest_at="18:00", digest_weekday="3")
    town.go_to("12:00")
    while town.stack.now().weekday() != 4:  # Friday
        town.go_to("12:00", days=1)
    town.happens(readers)
    town.go_to("17:59", days=6)
    assert town.stack.now().weekday() == 3
    assert numbers(town, readers) == of(0, 0)
    town.go_to("18:01")
    assert numbers(town, readers) == of(1, 1)


def test_quiet_hours_across_midnight(town):
    readers = town.readers(mail="now", quiet=("22:00", "07:00"), zone=BERLIN)
    town.go_to("23:15", BERLIN)
    town.happens(readers)
    for shown in ("23:59", "00:30", "06:59"):
        town.go_to(shown, BERLIN)
        assert numbers(town, readers) == of(essential=1, others=0), shown
    town.go_to("07:01", BERLIN)
    assert numbers(town, readers) == of(1, 1)


@pytest.mark.parametrize("hours", [1, -1], ids=["clocks-go-forward", "clocks-go-back"])
def test_quiet_hours_across_a_change_of_clocks(town, hours):
    town.go_to("23:00", BERLIN, days=_days_until_clocks_change(town.stack, timedelta(hours=hours)))
    readers = town.readers(mail="now", quiet=("22:00", "07:00"), zone=BERLIN)
    before = town.stack.now().astimezone(ZoneInfo(BERLIN)).utcoffset()
    town.happens(readers)
    town.go_to("06:59", BERLIN)
    assert town.stack.now().astimezone(ZoneInfo(BERLIN)).utcoffset() == before + timedelta(hours=hours)
    assert numbers(town, readers) == of(essential=1, others=0)
    town.go_to("07:01", BERLIN)
    assert numbers(town, readers) == of(1, 1)


def _days_until_clocks_change(stack: Stack, by: timedelta) -> int:
    """In how many days the night begins in which the clocks of Berlin are moved."""
    noon = stack.now().astimezone(ZoneInfo(BERLIN)).replace(hour=12)
    days: list[datetime] = [noon + timedelta(days=ahead) for ahead in range(400)]
    return next(n for n, day in enumerate(days) if days[n + 1].utcoffset() - day.utcoffset() == by)


def test_pause(town):
    readers = town.readers(mail="now")
    town.go_to("09:00")
    for reader in readers:
        assert reader.browser.post_form("/notification_settings/pause").status_code == 303
    town.happens(readers)
    town.wait(2 * 3600 - 120)
    assert numbers(town, readers) == of(essential=1, others=0)
    town.wait(180)
    assert numbers(town, readers) == of(1, 1)


def test_a_pause_that_begins_while_mail_waits_and_is_ended(town):
    readers = town.readers(NOT_ESSENTIAL, mail="now")
    town.happens(readers)
    for reader in readers:
        assert reader.browser.post_form("/notification_settings/pause").status_code == 303
    town.wait(3600)
    assert set(numbers(town, readers).values()) == {0}
    for reader in readers:
        assert reader.browser.post_form("/notification_settings/resume").status_code == 303
    town.wait(DELAY + 1)
    assert set(numbers(town, readers).values()) == {1}


def test_unsubscribe_link(town):
    readers = town.readers(mail="now")
    town.happens(readers)
    town.wait(DELAY + 1)
    for reader in readers:
        (mail,) = town.mails(reader)
        if reader.kind in ESSENTIAL:
            assert mail.message["List-Unsubscribe"] is None
            continue
        assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        address = mail.message["List-Unsubscribe"].strip("<>")
        answer = httpx2.post(address, data={"List-Unsubscribe": "One-Click"}, trust_env=False)  # knows no cookie
        assert answer.status_code == 200
    town.go_to("09:00", days=1)  # the cap of that day is another row
    town.happens(readers)
    town.wait(DELAY + 1)
    town.go_to("09:00", days=8)
    assert numbers(town, readers) == of(essential=2, others=1)


def test_daily_cap(town):
    readers = town.readers(mail="now")
    town.go_to("10:00", days=1)
    for _ in range(3):
        town.happens(readers)
        town.wait(DELAY + 1)
    assert numbers(town, readers) == of(essential=3, others=1)
    town.go_to("23:59")
    assert numbers(town, readers) == of(essential=3, others=1)
    town.go_to("00:01")
    assert numbers(town, readers) == of(essential=3, others=2)
    told = town.told(readers)
    assert {told[kind][1] for kind in NOT_ESSENTIAL if kind != "follow"} == {"2 new notifications"}


def test_read_before_send(town):
    now, daily = town.readers(NOT_ESSENTIAL, mail="now"), town.readers(ESSENTIAL, mail="daily", digest_at="08:00")
    unread = town.readers(["message", "mention"], mail="daily", digest_at="08:00")
    for readers in (now, daily, unread):
        town.happens(readers)
    town.read([*now, *daily])
    town.go_to("08:01")
    assert set(numbers(town, [*now, *daily]).values()) == {0}
    assert set(numbers(town, unread).values()) == {1}
