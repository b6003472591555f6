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
from app.posts.actions import publish
from app.profiles.actions import follow
from app.queries import activity
from tests.activity.conftest import badges, shown
from tests.factories import a_user
from tests.support.sql import everything


@pytest.fixture
def happens(db):
    """`happens(reader, "follow", actor, post=None)` is one event in a transaction of its own."""

    def tell(reader, kind, actor=None, **args):
        body = args.pop("body", None)
        set_read_mode(False)
        if kind == "follow":
            follow(actor, reader)
        elif kind == "mention":
            publish(actor, body or f"hello @{reader.username}", language=args.get("language", ""))
        else:
            record_event(reader.id, kind, str(args.pop("subject", 1)), args=args)
        db.session.commit()
        set_read_mode(True)

    return tell


def words(browser, path="/activity"):
    return [re.sub(r" (\d+s\b|Show everyone|Why am I|·).*", "", row.text) for row in shown(browser, path)]


def test_newest_first_and_where_each_leads(as_, happens):
    ana, ben = as_("ana"), a_user("ben", name="Ben K")
    happens(ana.user, "follow", ben)
    happens(ana.user, "mention", ben, body="a word for @ana")
    happens(ana.user, "job_done", name="posts.export", job_id="x")
    happens(ana.user, "login", browser="Firefox", system="Linux", address="192.0.2.7")
    rows = shown(ana)
    assert [row.kind for row in rows] == ["login", "job_done", "mention", "follow"]
    for row, target in zip(rows, ("/auth/security", "/tasks", "/post/1", "/user/ben"), strict=True):
        assert f'<a href="{target}"><time' in row.html
    assert "Ben K mentioned you a word for @ana" in rows[2].text
    assert rows[3].html.count('src="/avatar/ben/') == 1
    assert "IP address: \u2066192.0.2.7\u2069" in rows[0].text


def test_followers_of_a_day_are_one_row_that_lists_everybody(as_, happens):
    ana = as_("ana")
    for number in range(5):
        happens(ana.user, "follow", a_user(f"fan{number}", name=f"Fan {number}"))
        if number == 2:
            happens(ana.user, "login", browser="Firefox", system="", address="")
    rows = shown(ana)
    assert [row.kind for row in rows] == ["follow", "login"]
    assert "Fan 4 and 4 others followed you" in rows[0].text
    listed = rows[0].html.split("<details", 1)[1]
    for number in range(5):
        assert f'href="/user/fan{number}"' in listed
    assert len(rows[0].places) == 5
    assert len({place for row in rows for place in row.places}) == 6


def test_two_are_named_and_one_is_not_a_group(as_, happens):
    ana = as_("ana")
    happens(ana.user, "follow", a_user("one"))
    assert words(ana) == ["New one followed you"]
    happens(ana.user, "follow", a_user("two"))
    assert words(ana) == ["New two and one followed you"]
    assert "Show everyone" not in shown(ana)[0].text


def test_a_switch_turns_grouping_off(as_, happens, wants):
    ana = as_("ana")
    for number in range(3):
        happens(ana.user, "follow", a_user(f"fan{number}"))
    assert len(shown(ana)) == 1
    wants(ana.user, "follow", grouped=False)
    assert words(ana) == ["New fan2 followed you", "New fan1 followed you", "New fan0 followed you"]


def test_what_is_new_is_not_grouped_with_what_was_read(as_, happens, db):
    ana = as_("ana")
    for number in range(4):
        happens(ana.user, "follow", a_user(f"fan{number}"))
        if number == 1:
            page = shown(ana)[0]
            ana.post_form("/activity/read", {"first": page.places[-1], "last": page.places[0]})
    assert words(ana) == ["New fan3 and fan2 followed you", "fan1 and fan0 followed you"]


def test_days_are_the_readers_own(as_, happens, db):
    ana = as_("ana")
    ana.user.timezone = "Pacific/Kiritimati"  # UTC+14: midnight there is 10:00 UTC
    db.session.commit()
    with time_machine.travel(datetime(2026, 5, 4, 9, 58, tzinfo=UTC), tick=False) as clock:
        for number in range(4):
            happens(ana.user, "follow", a_user(f"fan{number}"))
            clock.shift(timedelta(minutes=1))
        assert [len(row.places) for row in shown(ana)] == [2, 2]
        ana.user.timezone = ""
        db.session.commit()
        assert [len(row.places) for row in shown(ana)] == [4]


def test_pages_follow_each_other_without_gap_or_repeat(as_, happens, configure, db):
    configure(POSTS_PER_PAGE=3)
    ana = as_("ana")
    for number in range(7):
        happens(ana.user, "login", subject=number, browser=f"B{number}", system="")
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
def test_a_strange_place_is_a_page(as_, happens, before):
    ana = as_("ana")
    happens(ana.user, "login", browser="Firefox")
    assert ana.get("/activity", query_string={"before": before}).status_code == 200
    assert ana.get("/activity/held", query_string={"before": before}).status_code == 200


def test_why_it_is_shown_is_said_with_every_row(as_, happens):
    ana, ben = as_("ana"), a_user("ben")
    happens(ana.user, "follow", ben)
    happens(ana.user, "mention", ben)
    happens(ana.user, "login", browser="Firefox")
    rows = shown(ana)
    assert len(rows) == 3
    for row, why in zip(rows, ("logs in to your account", "someone mentions you", "someone follows you"), strict=True):
        assert "Why am I seeing this?" in row.text
        assert why in row.text
        assert 'href="/notification_settings"' in row.html


def test_a_snippet_keeps_its_own_language_and_direction(as_, happens):
    ana, ben = as_("ana"), a_user("ben")
    happens(ana.user, "mention", ben, body="مرحبا @ana <b>كيف</b> الحال", language="ar")
    row = shown(ana)[0]
    assert 'dir="auto" lang="ar">مرحبا <bdi>@ana</bdi> &lt;b&gt;كيف&lt;/b&gt; الحال</a>' in row.html


def test_a_long_post_is_cut_between_characters(as_, happens):
    ana, ben = as_("ana"), a_user("ben")
    family = "👨‍👩‍👧‍👦"
    happens(ana.user, "mention", ben, body="@ana " + family * 300)
    found = re.search(r'<a class="snippet"[^>]*>(.*?)</a>', shown(ana)[0].html)[1]
    assert found == "<bdi>@ana</bdi> " + family * 155 + "…"


def test_names_are_text_wherever_they_stand(as_, happens):
    ana = as_("ana")
    for number in range(3):
        happens(ana.user, "follow", a_user(f"fan{number}", name=f"<i>%(num)s {number}"))
    page = ana.get("/activity").text
    assert "<i>%" not in page
    assert page.count("<bdi>&lt;i&gt;%(num)s 2</bdi></a> and 2 others followed you") == 1
    happens(ana.user, "login", browser="<script>alert(1)</script>", system="&", address="<b>")
    page = ana.get("/activity").text
    assert "<script>alert" not in page
    assert "&lt;b&gt;" in page


def test_each_reader_has_it_in_their_language(as_, happens, db):
    ana = as_("ana")
    happens(ana.user, "login", browser="Firefox", system="Linux")
    ana.user.language = "es"
    db.session.commit()
    page = ana.get("/activity")
    assert '<html lang="es"' in page.text
    assert "<bdi>Firefox</bdi>" in page.text


def test_a_kind_of_tomorrow_does_not_break_the_page_of_today(as_, happens, db):
    ana = as_("ana")
    happens(ana.user, "login", browser="Firefox")
    db.session.execute(update(Activity).values(kind="reaction", args={}))
    db.session.commit()
    row = shown(ana)[0]
    assert "Something new happened" in row.text
    assert row.has_dot


def test_nothing_yet_is_said_kindly(as_):
    page = as_("ana").get("/activity").text
    assert "No notifications yet" in page
    assert "filtered notification" not in page


def test_only_ones_own(as_, happens):
    ana, ben = as_("ana"), as_("ben")
    happens(ana.user, "follow", ben.user)
    assert len(shown(ana)) == 1
    assert shown(ben) == []
    assert badges(ben)["unread_activity_count"] == 0


def test_showing_it_writes_nothing(as_, happens):
    ana = as_("ana")
    happens(ana.user, "follow", a_user("ben"))
    before = everything()
    for path in ("/activity", "/activity?before=9999999999.5-1", "/activity/held", "/activity/read"):
        for _ in range(2):
            ana.get(path)
            ana.head(path)
    assert everything() == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 20])
def test_the_page_costs_four_statements_however_much_is_on_it(as_, happens, wants, queries, number):
    ana = as_("ana")
    ana.get("/activity")  # last_seen
    for turn in range(number):
        actor = a_user(f"actor{turn}")
        happens(ana.user, "follow", actor)
        happens(ana.user, "mention", actor)
    with queries() as asked:
        assert len(shown(ana)) > 1
    assert len(asked) <= 4, asked  # the session with both badges, the events, the grid, the drawer's number
    with queries() as asked:
        assert ana.get("/activity/held").status_code == 200
    assert len(asked) <= 2, asked


def test_the_badge_and_the_page_use_their_indexes(db):
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


def test_somebody_who_left_takes_their_doings_along(as_, happens, db):
    ana, ben = as_("ana"), a_user("ben")
    happens(ana.user, "follow", ben)
    set_read_mode(False)
    db.session.delete(db.session.get(User, ben.id))
    db.session.commit()
    assert shown(ana) == []
