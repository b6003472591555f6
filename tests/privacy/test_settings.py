"""The page of one's own privacy."""

from __future__ import annotations

import re

import pytest

from app.models import MessagePrivacy, User
from tests.factories import a_user
from tests.privacy.conftest import do


@pytest.fixture
def chosen(db, ana):
    """What is stored of ana."""

    def ask() -> tuple[str, bool]:
        person = db.session.get_one(User, ana.user.id, populate_existing=True)
        return person.message_privacy, person.receipts

    return ask


def names(browser, section: str, path: str = "/privacy") -> list[str]:
    """Who stands in a list of the page."""
    part = re.search(rf'<section[^>]* id="{section}">(.*?)</section>', browser.get(path).text, re.DOTALL)
    return re.findall(r'dir="ltr">@(\w+)<', part[1])


@pytest.mark.parametrize("choice", list(MessagePrivacy))
def test_who_may_write_is_stored_and_shown(ana, chosen, choice):
    answer = ana.submit("/privacy", {"writable_by": choice}, action="/privacy")
    assert answer.status_code == 303
    assert chosen() == (choice, False)
    assert re.findall(r'<input checked[^>]* value="(\w+)"', ana.get("/privacy").text) == [choice]


def test_receipts_are_off_until_they_are_switched_on(ana, chosen):
    assert chosen() == ("everyone", False)
    ana.submit("/privacy", {"receipts": "y"}, action="/privacy")
    assert chosen() == ("everyone", True)
    ana.post_form("/privacy", {"writable_by": "nobody"})
    assert chosen() == ("nobody", False)


def test_a_page_from_before_the_update_can_be_submitted(ana, chosen):
    assert ana.post_form("/privacy", {"writable_by": "known"}).status_code == 303
    assert chosen() == (MessagePrivacy.FRIENDS_OF_FRIENDS, False)


@pytest.mark.parametrize("choice", ["", "somebody", "x" * 4000])
def test_another_choice_is_refused(ana, chosen, choice):
    answer = ana.post_form("/privacy", {"writable_by": choice, "receipts": "y"})
    assert answer.status_code == 422
    assert "Choose who can message you." in answer.text
    assert chosen() == ("everyone", False)


def test_both_lists_are_paged_with_the_way_back(ana, configure, queries):
    configure(POSTS_PER_PAGE=2)
    people = [a_user(f"person{number}") for number in range(3)]
    for person in people:
        do(ana, "block", person.username)
        do(ana, "mute", person.username, hours="8")
    with queries() as asked:
        page = ana.get("/privacy").text
    assert len(asked) == 3, asked  # the viewer, and a list each
    assert "in 8 hours" in page
    for section in ("blocked", "muted"):
        assert names(ana, section) == ["person2", "person1"]
        assert names(ana, section, f"/privacy?{section}={people[1].id}") == ["person0"]
    answer = ana.submit("/privacy", action="/unblock/person2")
    assert answer.headers["Location"] == "/privacy#blocked"
    assert names(ana, "blocked") == ["person1", "person0"]
    assert ana.submit("/privacy", action="/unmute/person2").headers["Location"] == "/privacy#muted"
    assert names(ana, "muted") == ["person1", "person0"]


def test_the_lists_are_ones_own(ana, ben):
    do(ana, "block", "ben")
    do(ana, "mute", "ben")
    assert names(ben, "blocked") == names(ben, "muted") == []
    assert "You haven&#39;t blocked anyone." in ben.get("/privacy").text


def test_who_left_is_not_listed_and_is_there_again_when_they_are_back(ana, ben, db):
    do(ana, "block", "ben")
    ben.user.active = False
    db.session.commit()
    assert names(ana, "blocked") == []
    ben.user.active = True
    db.session.commit()
    assert names(ana, "blocked") == ["ben"]


@pytest.mark.parametrize("path", ["/block/ben", "/unblock/ben", "/mute/ben", "/unmute/ben", "/privacy"])
def test_it_takes_a_post_with_a_token_from_somebody(ana, ben, client, path):
    assert ana.post(path).status_code == 400
    assert client.post_form(path).status_code == 302
    if path != "/privacy":
        assert ana.get(path).status_code == 405


@pytest.mark.slow
def test_it_is_limited(ana, ben, rate_limits):
    answers = [ana.post_form("/mute/ben").status_code for _ in range(61)]
    assert set(answers[:60]) == {303}
    assert answers[60] == 429
