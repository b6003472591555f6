"""The drawer: what filters hold back can be looked at and restored; nothing is lost behind one's back."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Activity
from tests.activity.conftest import shown_rows


@pytest.fixture
def ana(as_, set_preferences):
    """Somebody who holds back strangers: three of them followed and one mentioned her."""
    browser = as_("ana")
    set_preferences(browser.user, not_following="hold")
    for number in range(3):
        as_(f"stranger{number}").post_form("/follow/ana")
    as_("stranger2").post_form("/post", {"post": "look here, @ana"})
    return browser


def filtered_ids(browser):
    """The events in the drawer, newest first."""
    return [
        int(number)
        for number in re.findall(r'action="/activity/held/(\d+)/restore"', browser.get("/activity/held").text)
    ]


def test_filtered_page_lists_events_with_the_reason(ana):
    assert 'href="/activity/held"' in ana.get("/activity").text
    assert "4 filtered notifications" in ana.get("/activity").text
    rows = shown_rows(ana, "/activity/held")
    assert [row.kind for row in rows] == ["mention", "follow", "follow", "follow"]
    assert "stranger2 mentioned you look here, @ana" in rows[0].text
    for row in rows:
        assert "You filter notifications from people you don't follow." in row.text


def test_filtered_page_names_the_filter(as_, set_preferences):
    ana = as_("ana")
    set_preferences(ana.user, new_account="hold")
    as_("ben").post_form("/follow/ana")
    assert "You filter notifications from accounts less than a week old." in shown_rows(ana, "/activity/held")[0].text
    assert "1 filtered notification" in ana.get("/activity").text


def test_restored_event_is_in_the_list_and_read(ana, unread):
    newest, *others = filtered_ids(ana)
    answer = ana.post_form(f"/activity/held/{newest}/restore")
    assert "1 notification moved to Activity." in ana.follow(answer).text
    assert [(row.kind, row.is_unread) for row in shown_rows(ana)] == [("mention", False)]
    assert filtered_ids(ana) == others
    assert unread(ana) == 0


def test_restored_event_keeps_its_position(ana, as_, set_preferences):
    set_preferences(ana.user, not_following="accept")
    as_("friend").post_form("/follow/ana")
    ana.post_form(f"/activity/held/{filtered_ids(ana)[0]}/restore")
    assert [row.kind for row in shown_rows(ana)] == ["follow", "mention"]


def test_restore_all_restores_only_the_shown_page(ana, configure, unread):
    configure(POSTS_PER_PAGE=2)
    first_page = filtered_ids(ana)
    answer = ana.submit("/activity/held", action="/activity/held/restore")
    assert "2 notifications moved to Activity." in ana.follow(answer).text
    assert len(first_page) == 2
    assert len(filtered_ids(ana)) == 2
    assert set(filtered_ids(ana)).isdisjoint(first_page)
    assert unread(ana) == 0


def test_dismissed_event_is_removed_and_not_reported_again(ana, as_, set_preferences, db, unread):
    oldest = filtered_ids(ana)[-1]
    assert ana.post_form(f"/activity/held/{oldest}/dismiss").status_code == 303
    assert oldest not in filtered_ids(ana)
    set_preferences(ana.user, not_following="accept")
    stranger = as_("stranger0")
    stranger.post_form("/unfollow/ana")
    stranger.post_form("/follow/ana")
    assert len(filtered_ids(ana)) == 3
    assert shown_rows(ana) == []
    assert unread(ana) == 0


def test_restoring_or_dismissing_twice_has_no_further_effect(ana):
    newest = filtered_ids(ana)[0]
    for deed in ("restore", "restore", "dismiss"):
        first = deed == "restore" and newest in filtered_ids(ana)
        assert ana.post_form(f"/activity/held/{newest}/{deed}").status_code == (303 if first else 404)
    assert [row.kind for row in shown_rows(ana)] == ["mention"]


@pytest.mark.parametrize("deed", ["restore", "dismiss"])
def test_member_cannot_restore_or_dismiss_events_of_others(ana, as_, db, deed):
    ben = as_("ben")
    for number in filtered_ids(ana):
        assert ben.post_form(f"/activity/held/{number}/{deed}").status_code == 404
    assert ben.post_form("/activity/held/restore", {"first": "0", "last": "99999999999"}).status_code == 303
    assert len(filtered_ids(ana)) == 4
    assert filtered_ids(ben) == []


@pytest.mark.parametrize("number", ["0", "-1", "99", "2147483647", "2147483648", "9" * 30, "x"])
def test_missing_filtered_event_is_not_found(ana, number):
    assert ana.post_form(f"/activity/held/{number}/restore").status_code == 404


def test_unfiltered_event_cannot_be_dismissed_or_restored(as_, db):
    ana = as_("ana")
    as_("ben").post_form("/follow/ana")
    event = db.session.scalars(select(Activity)).one()
    assert ana.post_form(f"/activity/held/{event.id}/dismiss").status_code == 404
    assert ana.post_form(f"/activity/held/{event.id}/restore").status_code == 404
    assert shown_rows(ana)[0].is_unread


def test_empty_filtered_page_shows_a_message(as_):
    assert "No filtered notifications" in as_("ana").get("/activity/held").text


def test_filtered_count_stops_at_99(ana, db):
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
