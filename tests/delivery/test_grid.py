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
def members(database, tmp_path_factory):
    env = {"MESSAGE_MAIL_DELAY": str(DELAY), "MAIL_DAILY_CAP": "1"}
    stack = Stack(tmp_path_factory.mktemp("stack"), database.copy(), clock=START, **env)
    stack.start()
    made = Town(stack)
    yield made
    made.close()
    stack.stop()


def email_counts(members: Town, readers: Iterable[Reader]) -> dict[str, int]:
    return {kind: len(subjects) for kind, subjects in members.told(readers).items()}


def expected_counts(essential: int, others: int) -> dict[str, int]:
    """So many mails for each kind."""
    return {**dict.fromkeys(NOT_ESSENTIAL, others), **dict.fromkeys(ESSENTIAL, essential)}


def test_immediate_cadence_sends_emails_after_the_delay(members):
    readers = members.readers(mail="now")
    members.happens(readers)
    assert email_counts(members, readers) == expected_counts(
        essential=1, others=0
    )  # mail waits a minute, in case it is read
    members.wait(DELAY + 1)
    assert email_counts(members, readers) == expected_counts(1, 1)
    subjects = {kind: found[0] for kind, found in members.told(readers).items()}
    assert subjects["message"].startswith("New message from friend")
    assert subjects["mention"].endswith(" mentioned you")
    assert subjects["follow"].endswith(" followed you")
    assert subjects["job_done"] == "Your export is ready"
    assert subjects["job_failed"] == "Your export failed"
    assert subjects["login"] == "New login: Firefox on Linux"


def test_cadence_none_sends_no_email(members):
    readers = members.readers(mail="none")
    members.happens(readers)
    members.go_to("12:00", days=8)
    assert email_counts(members, readers) == expected_counts(0, 0)


def test_daily_digest(members):
    readers = members.readers(mail="daily", digest_at="06:30", zone=BERLIN)
    members.go_to("12:00", BERLIN)
    members.happens(readers)
    members.happens(readers)
    members.go_to("06:29", BERLIN)
    assert email_counts(members, readers) == expected_counts(0, 0)
    members.go_to("06:31", BERLIN)
    told = members.told(readers)
    assert re.fullmatch(r"friend\d+ and friend\d+ followed you", told.pop("follow")[0])
    assert told == {kind: ["Your day on Microblog"] for kind in told}
    members.go_to("06:31", BERLIN, days=1)
    assert email_counts(members, readers) == expected_counts(1, 1)


def test_weekly_digest(members):
    readers = members.readers(mail="weekly", digest_at="18:00", digest_weekday="3")
    members.go_to("12:00")
    while members.stack.now().weekday() != 4:  # Friday
        members.go_to("12:00", days=1)
    members.happens(readers)
    members.go_to("17:59", days=6)
    assert members.stack.now().weekday() == 3
    assert email_counts(members, readers) == expected_counts(0, 0)
    members.go_to("18:01")
    assert email_counts(members, readers) == expected_counts(1, 1)


def test_quiet_hours_across_midnight(members):
    readers = members.readers(mail="now", quiet=("22:00", "07:00"), zone=BERLIN)
    members.go_to("23:15", BERLIN)
    members.happens(readers)
    for shown in ("23:59", "00:30", "06:59"):
        members.go_to(shown, BERLIN)
        assert email_counts(members, readers) == expected_counts(essential=1, others=0), shown
    members.go_to("07:01", BERLIN)
    assert email_counts(members, readers) == expected_counts(1, 1)


@pytest.mark.parametrize("hours", [1, -1], ids=["clocks-go-forward", "clocks-go-back"])
def test_quiet_hours_across_a_change_of_clocks(members, hours):
    members.go_to("23:00", BERLIN, days=_days_until_clocks_change(members.stack, timedelta(hours=hours)))
    readers = members.readers(mail="now", quiet=("22:00", "07:00"), zone=BERLIN)
    before = members.stack.now().astimezone(ZoneInfo(BERLIN)).utcoffset()
    members.happens(readers)
    members.go_to("06:59", BERLIN)
    assert members.stack.now().astimezone(ZoneInfo(BERLIN)).utcoffset() == before + timedelta(hours=hours)
    assert email_counts(members, readers) == expected_counts(essential=1, others=0)
    members.go_to("07:01", BERLIN)
    assert email_counts(members, readers) == expected_counts(1, 1)


def _days_until_clocks_change(stack: Stack, by: timedelta) -> int:
    """In how many days the night begins in which the clocks of Berlin are moved."""
    noon = stack.now().astimezone(ZoneInfo(BERLIN)).replace(hour=12)
    days: list[datetime] = [noon + timedelta(days=ahead) for ahead in range(400)]
    return next(n for n, day in enumerate(days) if days[n + 1].utcoffset() - day.utcoffset() == by)


def test_pause_holds_emails_for_two_hours(members):
    readers = members.readers(mail="now")
    members.go_to("09:00")
    for reader in readers:
        assert reader.browser.post_form("/notification_settings/pause").status_code == 303
    members.happens(readers)
    members.wait(2 * 3600 - 120)
    assert email_counts(members, readers) == expected_counts(essential=1, others=0)
    members.wait(180)
    assert email_counts(members, readers) == expected_counts(1, 1)


def test_pause_holds_pending_email_until_resumed(members):
    readers = members.readers(NOT_ESSENTIAL, mail="now")
    members.happens(readers)
    for reader in readers:
        assert reader.browser.post_form("/notification_settings/pause").status_code == 303
    members.wait(3600)
    assert set(email_counts(members, readers).values()) == {0}
    for reader in readers:
        assert reader.browser.post_form("/notification_settings/resume").status_code == 303
    members.wait(DELAY + 1)
    assert set(email_counts(members, readers).values()) == {1}


def test_unsubscribe_link_stops_emails_of_its_kind(members):
    readers = members.readers(mail="now")
    members.happens(readers)
    members.wait(DELAY + 1)
    for reader in readers:
        (mail,) = members.mails(reader)
        if reader.kind in ESSENTIAL:
            assert mail.message["List-Unsubscribe"] is None
            continue
        assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        address = mail.message["List-Unsubscribe"].strip("<>")
        answer = httpx2.post(address, data={"List-Unsubscribe": "One-Click"}, trust_env=False)  # knows no cookie
        assert answer.status_code == 200
    members.go_to("09:00", days=1)  # the cap of that day is another row
    members.happens(readers)
    members.wait(DELAY + 1)
    members.go_to("09:00", days=8)
    assert email_counts(members, readers) == expected_counts(essential=2, others=1)


def test_daily_cap_delays_emails_to_the_next_day(members):
    readers = members.readers(mail="now")
    members.go_to("10:00", days=1)
    for _ in range(3):
        members.happens(readers)
        members.wait(DELAY + 1)
    assert email_counts(members, readers) == expected_counts(essential=3, others=1)
    members.go_to("23:59")
    assert email_counts(members, readers) == expected_counts(essential=3, others=1)
    members.go_to("00:01")
    assert email_counts(members, readers) == expected_counts(essential=3, others=2)
    told = members.told(readers)
    assert {told[kind][1] for kind in NOT_ESSENTIAL if kind != "follow"} == {"2 new notifications"}


def test_events_read_before_sending_are_not_emailed(members):
    now, daily = members.readers(NOT_ESSENTIAL, mail="now"), members.readers(ESSENTIAL, mail="daily", digest_at="08:00")
    unread = members.readers(["message", "mention"], mail="daily", digest_at="08:00")
    for readers in (now, daily, unread):
        members.happens(readers)
    members.read([*now, *daily])
    members.go_to("08:01")
    assert set(email_counts(members, [*now, *daily]).values()) == {0}
    assert set(email_counts(members, unread).values()) == {1}
