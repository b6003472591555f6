"""The Activity page: newest first, grouped when read, in the reader's words, at the same cost however much there is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app.core.database import set_read_mode
from app.models import Activity, User
from app.notifications import record_event
from app.posts.actions import PostOptions, publish
from app.profiles.actions import follow
from app.queries import activity
from tests.activity.conftest import badge_counts, shown_rows
from tests.factories import a_user
from tests.support.sql import everything


@pytest.fixture
def record(db):
    """`record(reader, "follow", actor, post=None)` is one event in a transaction of its own."""

    def tell(reader, kind, actor=None, **args):
        body = args.pop("body", None)
        set_read_mode(False)
        if kind == "follow":
            follow(actor, reader)
        elif kind == "mention":
            publish(actor, body or f"hello @{reader.username}", PostOptions(language=args.get("language", "")))
        else:
            record_event(reader.id, kind, str(args.pop("subject", 1)), args=args)
        db.session.commit()
        set_read_mode(True)

    return tell


def row_texts(browser, path="/activity"):
    return [re.sub(r" (\d+s\b|Show everyone|Why am I|·).*", "", row.text) for row in shown_rows(browser, path)]


def test_events_are_newest_first_and_link_to_their_targets(as_, record):
    ana, ben = as_("ana"), a_user("ben", name="Ben K")
    record(ana.user, "follow", ben)
    record(ana.user, "mention", ben, body="a word for @ana")
    record(ana.user, "job_done", name="posts.export", job_id="x")
    record(ana.user, "login", browser="Firefox", system="Linux", address="192.0.2.7")
    rows = shown_rows(ana)
    assert [row.kind for row in rows] == ["login", "job_done", "mention", "follow"]
    for row, target in zip(rows, ("/auth/security", "/tasks", "/post/1", "/user/ben"), strict=True):
        assert f'<a href="{target}"><time' in row.html
    assert "Ben K mentioned you a word for @ana" in rows[2].text
    assert rows[3].html.count('src="/avatar/ben/') == 1
    assert "IP address: \u2066192.0.2.7\u2069" in rows[0].text


def test_followers_of_one_day_are_grouped_in_one_row_that_lists_all(as_, record):
    ana = as_("ana")
    for number in range(5):
        record(ana.user, "follow", a_user(f"fan{number}", name=f"Fan {number}"))
        if number == 2:
            record(ana.user, "login", browser="Firefox", system="", address="")
    rows = shown_rows(ana)
    assert [row.kind for row in rows] == ["follow", "login"]
    assert "Fan 4 and 4 others followed you" in rows[0].text
    listed = rows[0].html.split("<details", 1)[1]
    for number in range(5):
        assert f'href="/user/fan{number}"' in listed
    assert len(rows[0].places) == 5
    assert len({place for row in rows for place in row.places}) == 6


def test_group_of_two_names_both_and_one_event_is_not_grouped(as_, record):
    ana = as_("ana")
    record(ana.user, "follow", a_user("one"))
    assert row_texts(ana) == ["New one followed you"]
    record(ana.user, "follow", a_user("two"))
    assert row_texts(ana) == ["New two and one followed you"]
    assert "Show everyone" not in shown_rows(ana)[0].text


def test_grouping_can_be_switched_off(as_, record, set_preferences):
    ana = as_("ana")
    for number in range(3):
        record(ana.user, "follow", a_user(f"fan{number}"))
    assert len(shown_rows(ana)) == 1
    set_preferences(ana.user, "follow", grouped=False)
    assert row_texts(ana) == ["New fan2 followed you", "New fan1 followed you", "New fan0 followed you"]


def test_new_events_are_not_grouped_with_read_ones(as_, record, db):
    ana = as_("ana")
    for number in range(4):
        record(ana.user, "follow", a_user(f"fan{number}"))
        if number == 1:
            page = shown_rows(ana)[0]
            ana.post_form("/activity/read", {"first": page.places[-1], "last": page.places[0]})
    assert row_texts(ana) == ["New fan3 and fan2 followed you", "fan1 and fan0 followed you"]


def test_events_are_grouped_by_day_in_the_readers_time_zone(as_, record, db):
    ana = as_("ana")
    ana.user.timezone = "Pacific/Kiritimati"  # UTC+14: midnight there is 10:00 UTC
    db.session.commit()
    with time_machine.travel(datetime(2026, 5, 4, 9, 58, tzinfo=UTC), tick=False) as clock:
        for number in range(4):
            record(ana.user, "follow", a_user(f"fan{number}"))
            clock.shift(timedelta(minutes=1))
        assert [len(row.places) for row in shown_rows(ana)] == [2, 2]
        ana.user.timezone = ""
        db.session.commit()
        assert [len(row.places) for row in shown_rows(ana)] == [4]


def test_activity_pages_have_no_gaps_or_repeats(as_, record, configure, db):
    configure(POSTS_PER_PAGE=3)
    ana = as_("ana")
    for number in range(7):
        record(ana.user, "login", subject=number, browser=f"B{number}", system="")
    # Two in one commit have one stamp: the id tells them apart.
    set_read_mode(False)
    for number in range(7, 9):
        record_event(ana.user.id, "login", str(number), args={"browser": f"B{number}"})
    db.session.commit()
    path, seen, pages = "/activity", [], 0
    while path:
        answer = ana.get(path)
        seen += re.findall(r"New login: <bdi>B(\d)</bdi>", answer.text)
        older = re.search(r'rel="next" href="([^"]+)"', answer.text)
        path, pages = older and older[1], pages + 1
    assert seen == list("876543210")
    assert pages == 3


@pytest.mark.parametrize(
    "before", ["", "x", "1", "1.5-", "-4", "nan", "1e9-1", "1.5-9999999999999999999", "٣-1", "1-1-1"]
)
def test_invalid_activity_cursor_is_ignored(as_, record, before):
    ana = as_("ana")
    record(ana.user, "login", browser="Firefox")
    assert ana.get("/activity", query_string={"before": before}).status_code == 200
    assert ana.get("/activity/held", query_string={"before": before}).status_code == 200


def test_every_row_explains_why_it_is_shown(as_, record):
    ana, ben = as_("ana"), a_user("ben")
    record(ana.user, "follow", ben)
    record(ana.user, "mention", ben)
    record(ana.user, "login", browser="Firefox")
    rows = shown_rows(ana)
    assert len(rows) == 3
    for row, why in zip(rows, ("logs in to your account", "someone mentions you", "someone follows you"), strict=True):
        assert "Why am I seeing this?" in row.text
        assert why in row.text
        assert 'href="/notification_settings"' in row.html


def test_snippet_keeps_its_own_language_and_direction(as_, record):
    ana, ben = as_("ana"), a_user("ben")
    record(ana.user, "mention", ben, body="مرحبا @ana <b>كيف</b> الحال", language="ar")
    row = shown_rows(ana)[0]
    assert 'dir="auto" lang="ar">مرحبا <bdi>@ana</bdi> &lt;b&gt;كيف&lt;/b&gt; الحال</a>' in row.html


def test_long_post_is_cut_at_a_character_boundary(as_, record):
    ana, ben = as_("ana"), a_user("ben")
    family = "👨‍👩‍👧‍👦"
    record(ana.user, "mention", ben, body="@ana " + family * 300)
    found = re.search(r'<a class="snippet"[^>]*>(.*?)</a>', shown_rows(ana)[0].html)[1]
    assert found == "<bdi>@ana</bdi> " + family * 155 + "…"


def test_names_are_escaped_everywhere(as_, record):
    ana = as_("ana")
    for number in range(3):
        record(ana.user, "follow", a_user(f"fan{number}", name=f"<i>%(num)s {number}"))
    page = ana.get("/activity").text
    assert "<i>%" not in page
    assert page.count("<bdi>&lt;i&gt;%(num)s 2</bdi></a> and 2 others followed you") == 1
    record(ana.user, "login", browser="<script>alert(1)</script>", system="&", address="<b>")
    page = ana.get("/activity").text
    assert "<script>alert" not in page
    assert "&lt;b&gt;" in page


def test_activity_is_rendered_in_the_readers_language(as_, record, db):
    ana = as_("ana")
    record(ana.user, "login", browser="Firefox", system="Linux")
    ana.user.language = "es"
    db.session.commit()
    page = ana.get("/activity")
    assert '<html lang="es"' in page.text
    assert "<bdi>Firefox</bdi>" in page.text


def test_unknown_event_kind_of_a_later_version_is_rendered(as_, record, db):
    ana = as_("ana")
    record(ana.user, "login", browser="Firefox")
    db.session.execute(update(Activity).values(kind="reaction", args={}))
    db.session.commit()
    row = shown_rows(ana)[0]
    assert "Something new happened" in row.text
    assert row.has_dot


def test_empty_activity_page_shows_a_message(as_):
    page = as_("ana").get("/activity").text
    assert "No notifications yet" in page
    assert "filtered notification" not in page


def test_activity_page_shows_only_own_events(as_, record):
    ana, ben = as_("ana"), as_("ben")
    record(ana.user, "follow", ben.user)
    assert len(shown_rows(ana)) == 1
    assert shown_rows(ben) == []
    assert badge_counts(ben)["unread_activity_count"] == 0


def test_showing_activity_writes_nothing(as_, record):
    ana = as_("ana")
    record(ana.user, "follow", a_user("ben"))
    before = everything()
    for path in ("/activity", "/activity?before=9999999999.5-1", "/activity/held", "/activity/read"):
        for _ in range(2):
            ana.get(path)
            ana.head(path)
    assert everything() == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 20])
def test_activity_page_takes_four_statements_for_any_number_of_events(as_, record, set_preferences, queries, number):
    ana = as_("ana")
    ana.get("/activity")  # last_seen
    for turn in range(number):
        actor = a_user(f"actor{turn}")
        record(ana.user, "follow", actor)
        record(ana.user, "mention", actor)
    with queries() as asked:
        assert len(shown_rows(ana)) > 1
    assert len(asked) <= 4, asked  # the session with both badges, the events, the grid, the drawer's number
    with queries() as asked:
        assert ana.get("/activity/held").status_code == 200
    assert len(asked) <= 2, asked


def test_badge_and_page_queries_use_their_indexes(db):
    """With the empty filter as a parameter no engine would use the index of what is unread."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans a table this small")
    for query, index in (
        (select(activity.unread_count_of(1)), "ix_activity_unread"),
        (activity.newest_first(activity.shown(1)).where(activity.older_than(activity.Place(1.5, 3))), "_timestamp"),
    ):
        text = str(query.compile(db.engine))
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (1,) * text.count("?")).all()
        assert any(index in step[-1] for step in plan), plan


def test_events_of_a_deleted_member_are_removed(as_, record, db):
    ana, ben = as_("ana"), a_user("ben")
    record(ana.user, "follow", ben)
    set_read_mode(False)
    db.session.delete(db.session.get(User, ben.id))
    db.session.commit()
    assert shown_rows(ana) == []
