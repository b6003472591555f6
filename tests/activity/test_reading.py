"""Nothing is read that was not rendered, and reading only moves forward."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from sqlalchemy import select

from app.core.database import set_read_mode
from app.extensions import db as the_db
from app.models import Activity, User
from app.notifications import publish_state, record_event
from tests.activity.conftest import badge_counts, polled_count, shown_rows
from tests.factories import a_user
from tests.support.sql import everything


@pytest.fixture
def ana(as_, db):
    """Somebody to whom five things happened, told apart by their browser: B0 is the oldest."""
    browser = as_("ana")
    for number in range(5):
        record_logins(db, browser.user.id, number)
    return browser


def record_logins(db, reader, *numbers):
    """Logins from so many new browsers, in one commit."""
    set_read_mode(False)
    for number in numbers:
        record_event(reader, "login", str(number), args={"browser": f"B{number}"})
    db.session.commit()
    set_read_mode(True)


def places(browser, path="/activity"):
    """By the number of its browser, where each event stands."""
    return {int(re.search(r"B(\d+)", row.html)[1]): row.places[0] for row in shown_rows(browser, path)}


def unread_numbers(db, browser):
    rows = db.session.scalars(select(Activity).where(Activity.user_id == browser.user.id, Activity.read_at.is_(None)))
    return sorted(int(row.args["browser"][1:]) for row in rows)


def mark_read(browser, *spans, **headers):
    firsts, lasts = [span[0] for span in spans], [span[-1] for span in spans]
    return browser.post_form("/activity/read", {"first": firsts, "last": lasts}, headers=headers)


def test_only_rendered_events_are_marked_read(ana, db, unread):
    at = places(ana)
    assert unread(ana) == 5
    assert mark_read(ana, (at[1], at[3])).status_code == 303
    assert unread_numbers(db, ana) == [0, 4]
    assert unread(ana) == 2
    assert [row.is_unread for row in shown_rows(ana)] == [True, False, False, False, True]


def test_several_spans_are_marked_read_at_once(ana, db):
    at = places(ana)
    mark_read(ana, (at[4],), (at[0], at[1]))
    assert unread_numbers(db, ana) == [2, 3]


def test_spans_without_event_ids_are_accepted(ana, db):
    at = {number: place.split("-")[0] for number, place in places(ana).items()}
    mark_read(ana, (at[1], at[2]))
    assert unread_numbers(db, ana) == [0, 3, 4]


def test_only_rendered_events_of_one_commit_are_marked_read(ana, db):
    record_logins(db, ana.user.id, 5, 6, 7)
    at = places(ana)
    assert len({at[number].split("-")[0] for number in (5, 6, 7)}) == 1
    mark_read(ana, (at[6], at[7]))
    assert unread_numbers(db, ana) == [0, 1, 2, 3, 4, 5]


def test_reading_twice_keeps_the_first_read_time(ana, db):
    at = places(ana)
    mark_read(ana, (at[0], at[2]))
    before = {row.id: row.read_at for row in db.session.scalars(select(Activity)) if row.read_at}
    told = everything()["notification"]
    mark_read(ana, (at[0], at[2]))
    assert {row.id: row.read_at for row in db.session.scalars(select(Activity)) if row.read_at} == before
    assert everything()["notification"] == told


def test_events_newer_than_the_page_stay_unread(ana, db, unread):
    at = places(ana)
    record_logins(db, ana.user.id, 5)
    mark_read(ana, (at[0], at[4]))
    assert unread_numbers(db, ana) == [5]
    assert unread(ana) == 1


def test_held_event_within_a_read_span_stays_unread(ana, db, set_preferences):
    ben = a_user("ben")
    set_preferences(ana.user, not_following="hold")
    set_read_mode(False)
    record_event(ana.user.id, "follow", str(ben.id), actor=ben)
    db.session.commit()
    record_logins(db, ana.user.id, 5)
    at = places(ana)
    mark_read(ana, (at[0], at[5]))
    unread = db.session.scalars(select(Activity).where(Activity.read_at.is_(None))).all()
    assert [event.filtered_by for event in unread] == ["not_following"]
    assert "1 filtered notification" in ana.get("/activity").text


def test_button_marks_all_as_read_without_javascript(ana, configure, db, unread):
    configure(POSTS_PER_PAGE=3)
    answer = ana.submit("/activity", action="/activity/read")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/activity"
    assert unread(ana) == 0
    assert "Mark all as read" not in ana.get("/activity").text


def test_button_is_shown_while_an_event_on_an_older_page_is_unread(ana, configure, db, unread):
    configure(POSTS_PER_PAGE=3)
    at = places(ana)
    mark_read(ana, (at[2], at[4]))
    assert unread_numbers(db, ana) == [0, 1]
    older = re.search(r'rel="next" href="([^"]+)"', ana.get("/activity").text)[1]
    assert "Mark all as read" in ana.get("/activity").text
    assert "Mark all as read" in ana.get(older).text
    record_logins(db, ana.user.id, 5)
    answer = ana.submit(older, action="/activity/read")
    assert answer.headers["Location"] == older
    assert unread_numbers(db, ana) == [5]


def test_script_request_gets_an_empty_response(ana):
    answer = mark_read(ana, (places(ana)[4],), Accept="application/json")
    assert (answer.status_code, answer.data) == (204, b"")
    assert polled_count(ana) == 4


def test_new_count_is_published_to_all_tabs(ana):
    since = max(one["timestamp"] for one in ana.get("/notifications?since=0").json)
    mark_read(ana, (places(ana)[4],))
    told = ana.get(f"/notifications?since={since}").json
    assert [(one["name"], one["data"]) for one in told] == [("unread_activity_count", 4)]
    assert badge_counts(ana)["unread_activity_count"] == 4


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"first": "1.5-1"},
        {"last": "1.5-1"},
        {"first": ["1.5-1", "1.5-1"], "last": "1.5-1"},
        {"first": "x", "last": "x"},
        {"first": "nan", "last": "inf"},
        {"first": "-1", "last": "9"},
        {"first": "0", "last": "1e9"},
        {"first": "٠", "last": "٩"},
        {"first": "0", "last": "9 "},
        {"first": ["0"] * 201, "last": ["9"] * 201},
    ],
)
def test_invalid_span_is_rejected(ana, db, fields):
    assert ana.post_form("/activity/read", fields).status_code == 400
    assert ana.post_form("/activity/held/restore", fields).status_code == 400
    assert unread_numbers(db, ana) == [0, 1, 2, 3, 4]


def test_reversed_span_marks_nothing_read(ana, db):
    at = places(ana)
    mark_read(ana, (at[3], at[1]))
    assert unread_numbers(db, ana) == [0, 1, 2, 3, 4]


def test_member_cannot_mark_events_of_others_read(ana, as_, db):
    at = places(ana)
    mark_read(as_("ben"), (at[0], at[4]))
    assert unread_numbers(db, ana) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_next_after_reading_stays_on_the_site(ana, target):
    at = places(ana)
    answer = ana.post_form("/activity/read", {"first": at[0], "last": at[0], "next": target})
    assert answer.headers["Location"] == "/activity"


# --- Two writers, one reader


@contextmanager
def slow_writer(app, reader, number):
    """Somebody whose event has its stamp, holds the reader's clock, and commits only when the block ends."""
    stamped, go_on = Event(), Event()

    def wait():
        stamped.set()
        assert go_on.wait(10)
        return number

    def write():
        with app.app_context():
            publish_state(reader, "slow", wait)
            record_event(reader, "login", str(number), args={"browser": f"B{number}"})
            the_db.session.commit()

    thread = Thread(target=write)
    thread.start()
    assert stamped.wait(10)
    try:
        yield
    finally:
        go_on.set()
        thread.join(10)
        assert not thread.is_alive()


def test_event_committed_after_rendering_is_not_marked_read(app, ana, db, unread):
    """The event of a second writer bears its stamp already while the page is made and read, and is not on it."""
    reader = ana.user.id
    record_logins(db, reader, 5)
    with ThreadPoolExecutor(1) as pool:
        with slow_writer(app, reader, 6):
            at = places(ana)
            assert sorted(at) == [0, 1, 2, 3, 4, 5]
            reading = pool.submit(mark_read, ana, (at[0], at[5]))  # waits for the clock, on SQLite for the database
            assert not reading.done()
        assert reading.result(10).status_code == 303
    assert unread_numbers(db, ana) == [6]
    assert unread(ana) == 1


@pytest.mark.slow
def test_concurrent_writers_and_a_reader_lose_no_event(app, ana, db, unread):
    """Whatever was never rendered is unread at the end, and the number is right."""
    reader = ana.user.id
    met = Event()  # the reader has rendered something that was written beside it

    def write(writer):
        for turn in range(15):
            if turn == 7:
                met.wait(30)
            with app.app_context():
                record_event(reader, "login", f"{writer}:{turn}", args={"browser": f"B{100 * writer + turn}"})
                the_db.session.commit()

    rendered = set(places(ana))
    with ThreadPoolExecutor(3) as pool:
        writing = [pool.submit(write, writer) for writer in (1, 2, 3)]
        while not all(one.done() for one in writing):
            at = places(ana)
            rendered |= set(at)
            numbers = list(at)
            assert mark_read(ana, (at[numbers[-1]], at[numbers[0]])).status_code == 303
            if len(rendered) > 5:
                met.set()
        for one in writing:
            one.result()
    assert met.is_set()
    everything_told = {100 * writer + turn for writer in (1, 2, 3) for turn in range(15)} | set(range(5))
    assert set(unread_numbers(db, ana)) == everything_told - rendered
    assert unread(ana) == len(everything_told - rendered)


def test_two_tabs_can_mark_the_same_events_read_at_once(app, ana, as_, db, unread):
    other_tab = as_(db.session.get(User, ana.user.id))
    for number in range(5, 20):
        record_logins(db, ana.user.id, number)
    at = places(ana)
    assert places(other_tab) == at  # its session has a token now, which threads would not give it one after the other
    with ThreadPoolExecutor(2) as pool:
        tabs = [
            pool.submit(mark_read, tab, (at[first], at[19]))
            for tab, first in ((ana, 5), (other_tab, 3))
            for _ in range(4)
        ]
        assert {one.result().status_code for one in tabs} == {303}
    assert unread_numbers(db, ana) == [0, 1, 2]
    assert unread(ana) == 3
