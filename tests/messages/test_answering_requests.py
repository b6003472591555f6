"""A request ends when it is answered: the tray and the badge both say so, at once."""

from __future__ import annotations

from tests.factories import a_follow

TOLD = ("unread_message_count", "message_request_count")


def told(browser) -> dict[str, int]:
    """The two numbers, as a poll tells them."""
    return {one["name"]: one["data"] for one in browser.get("/notifications").json if one["name"] in TOLD}


def write(sender, recipient, text: str) -> None:
    assert sender.post_form(f"/send_message/{recipient}", {"message": text}).status_code == 303


def test_who_writes_back_has_accepted_the_request(as_):
    ana, ben = as_("ana"), as_("ben")
    write(ana, "ben", "one")
    write(ana, "ben", "two")
    assert told(ben) == {"message_request_count": 1}
    write(ben, "ana", "who is this?")  # and has not said that the page showed him what she wrote
    assert told(ben) == {"unread_message_count": 2, "message_request_count": 0}
    assert told(ana) == {"unread_message_count": 1}  # she began: an answer is no request


def test_the_next_message_of_somebody_they_follow_by_now_is_no_request(as_):
    ana, ben = as_("ana"), as_("ben")
    write(ana, "ben", "one")
    a_follow(ben.user, ana.user)
    write(ana, "ben", "two")
    assert told(ben) == {"unread_message_count": 2, "message_request_count": 0}


def test_the_first_message_of_somebody_they_follow_moves_the_badge_alone(as_):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ben.user, ana.user)
    write(ana, "ben", "one")
    assert told(ben) == {"unread_message_count": 1}
