"""The page of one's own privacy."""

from __future__ import annotations

import re

import pytest

from app.models import MessagePrivacy, User
from tests.factories import a_user
from tests.privacy.conftest import submit_action


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
def test_message_privacy_is_stored_and_shown(ana, chosen, choice):
    answer = ana.submit("/privacy", {"writable_by": choice}, action="/privacy")
    assert answer.status_code == 303
    assert chosen() == (choice, False)
    assert re.findall(r'<input checked[^>]* name="writable_by"[^>]* value="(\w+)"', ana.get("/privacy").text) == [
        choice
    ]


def test_read_receipts_are_off_by_default(ana, chosen):
    assert chosen() == ("everyone", False)
    ana.submit("/privacy", {"receipts": "y"}, action="/privacy")
    assert chosen() == ("everyone", True)
    ana.post_form("/privacy", {"writable_by": "nobody"})
    assert chosen() == ("nobody", False)


def test_form_of_the_previous_version_can_be_submitted(ana, chosen):
    assert ana.post_form("/privacy", {"writable_by": "known"}).status_code == 303
    assert chosen() == (MessagePrivacy.FRIENDS_OF_FRIENDS, False)


@pytest.mark.parametrize("choice", ["", "somebody", "x" * 4000])
def test_invalid_message_privacy_is_rejected(ana, chosen, choice):
    answer = ana.post_form("/privacy", {"writable_by": choice, "receipts": "y"})
    assert answer.status_code == 422
    assert "Choose who can message you." in answer.text
    assert chosen() == ("everyone", False)


def test_blocked_and_muted_lists_are_paged_and_entries_can_be_removed(ana, configure, queries):
    configure(POSTS_PER_PAGE=2)
    people = [a_user(f"person{number}") for number in range(3)]
    for person in people:
        submit_action(ana, "block", person.username)
        submit_action(ana, "mute", person.username, hours="8")
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


def test_blocked_and_muted_lists_are_private(ana, ben):
    submit_action(ana, "block", "ben")
    submit_action(ana, "mute", "ben")
    assert names(ben, "blocked") == names(ben, "muted") == []
    assert "You haven&#39;t blocked anyone." in ben.get("/privacy").text


def test_inactive_members_are_hidden_from_the_blocked_list(ana, ben, db):
    submit_action(ana, "block", "ben")
    ben.user.active = False
    db.session.commit()
    assert names(ana, "blocked") == []
    ben.user.active = True
    db.session.commit()
    assert names(ana, "blocked") == ["ben"]


@pytest.mark.parametrize("path", ["/block/ben", "/unblock/ben", "/mute/ben", "/unmute/ben", "/privacy"])
def test_request_requires_post_login_and_csrf_token(ana, ben, client, path):
    assert ana.post(path).status_code == 400
    assert client.post_form(path).status_code == 302
    if path != "/privacy":
        assert ana.get(path).status_code == 405


@pytest.mark.slow
def test_requests_are_rate_limited(ana, ben, rate_limits):
    answers = [ana.post_form("/mute/ben").status_code for _ in range(61)]
    assert set(answers[:60]) == {303}
    assert answers[60] == 429
