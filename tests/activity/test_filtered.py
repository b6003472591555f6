"""The drawer: what filters hold back can be looked at and restored; nothing is lost behind one's back."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Activity
from tests.activity.conftest import shown


@pytest.fixture
def ana(as_, wants):
    """Somebody who holds back strangers: three of them followed and one mentioned her."""
    browser = as_("ana")
    wants(browser.user, not_following="hold")
    for number in range(3):
        as_(f"stranger{number}").post_form("/follow/ana")
    as_("stranger2").post_form("/post", {"post": "look here, @ana"})
    return browser


def ids(browser):
    """The events in the drawer, newest first."""
    return [
        int(number)
        for number in re.findall(r'action="/activity/held/(\d+)/restore"', browser.get("/activity/held").text)
    ]


def test_the_drawer_says_what_it_holds_and_why(ana):
    assert 'href="/activity/held"' in ana.get("/activity").text
    assert "4 filtered notifications" in ana.get("/activity").text
    rows = shown(ana, "/activity/held")
    assert [row.kind for row in rows] == ["mention", "follow", "follow", "follow"]
    assert "stranger2 mentioned you look here, @ana" in rows[0].text
    for row in rows:
        assert "You filter notifications from people you don't follow." in row.text


def test_which_filter_it_was(as_, wants):
    ana = as_("ana")
    wants(ana.user, new_account="hold")
    as_("ben").post_form("/follow/ana")
    assert "You filter notifications from accounts less than a week old." in shown(ana, "/activity/held")[0].text
    assert "1 filtered notification" in ana.get("/activity").text


def test_what_is_restored_is_in_the_list_and_read(ana, unread):
    newest, *others = ids(ana)
    answer = ana.post_form(f"/activity/held/{newest}/restore")
    assert "1 notification moved to Activity." in ana.follow(answer).text
    assert [(row.kind, row.is_unread) for row in shown(ana)] == [("mention", False)]
    assert ids(ana) == others
    assert unread(ana) == 0


def test_it_stands_where_it_would_have_stood(ana, as_, wants):
    wants(ana.user, not_following="accept")
    as_("friend").post_form("/follow/ana")
    ana.post_form(f"/activity/held/{ids(ana)[0]}/restore")
    assert [row.kind for row in shown(ana)] == ["follow", "mention"]


def test_a_page_of_it_is_restored_at_once_and_nothing_beyond(ana, configure, unread):
    configure(POSTS_PER_PAGE=2)
    first_page = ids(ana)
    answer = ana.submit("/activity/held", action="/activity/held/restore")
    assert "2 notifications moved to Activity." in ana.follow(answer).text
    assert len(first_page) == 2
    assert len(ids(ana)) == 2
    assert set(ids(ana)).isdisjoint(first_page)
    assert unread(ana) == 0


def test_what_is_put_away_is_gone_and_not_told_anew(ana, as_, wants, db, unread):
    oldest = ids(ana)[-1]
    assert ana.post_form(f"/activity/held/{oldest}/dismiss").status_code == 303
    assert oldest not in ids(ana)
    wants(ana.user, not_following="accept")
    stranger = as_("stranger0")
    stranger.post_form("/unfollow/ana")
    stranger.post_form("/follow/ana")
    assert len(ids(ana)) == 3
    assert shown(ana) == []
    assert unread(ana) == 0


def test_twice_is_once(ana):
    newest = ids(ana)[0]
    for deed in ("restore", "restore", "dismiss"):
        first = deed == "restore" and newest in ids(ana)
        assert ana.post_form(f"/activity/held/{newest}/{deed}").status_code == (303 if first else 404)
    assert [row.kind for row in shown(ana)] == ["mention"]


@pytest.mark.parametrize("deed", ["restore", "dismiss"])
def test_never_another_persons(ana, as_, db, deed):
    ben = as_("ben")
    for number in ids(ana):
        assert ben.post_form(f"/activity/held/{number}/{deed}").status_code == 404
    assert ben.post_form("/activity/held/restore", {"first": "0", "last": "99999999999"}).status_code == 303
    assert len(ids(ana)) == 4
    assert ids(ben) == []


@pytest.mark.parametrize("number", ["0", "-1", "99", "2147483647", "2147483648", "9" * 30, "x"])
def test_what_is_not_there_is_not_found(ana, number):
    assert ana.post_form(f"/activity/held/{number}/restore").status_code == 404


def test_what_is_shown_cannot_be_put_away(as_, db):
    ana = as_("ana")
    as_("ben").post_form("/follow/ana")
    event = db.session.scalars(select(Activity)).one()
    assert ana.post_form(f"/activity/held/{event.id}/dismiss").status_code == 404
    assert ana.post_form(f"/activity/held/{event.id}/restore").status_code == 404
    assert shown(ana)[0].is_unread


def test_an_empty_drawer_is_said_to_be_empty(as_):
    assert "No filtered notifications" in as_("ana").get("/activity/held").text


def test_a_full_drawer_is_not_counted_to_the_end(ana, db):
    template = db.session.scalars(select(Activity).where(Activity.kind == "follow")).first()
    for number in range(120):
        db.session.add(
            Activity(
                user_id=ana.user.id,
                kind="follow",
                subject=f"x{number}",
                timestamp=template.timestamp + number,
                actor_id=template.actor_id,
                filtered_by="not_following",
            )
        )
    db.session.commit()
    assert "More than 99 filtered notifications" in ana.get("/activity").text
