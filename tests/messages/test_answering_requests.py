"""A request ends when it is answered: the tray and the badge both say so, at once."""

from __future__ import annotations

from tests.factories import a_follow

TOLD = ("unread_message_count", "message_request_count")


def polled_counts(browser) -> dict[str, int]:
    """The two numbers, as a poll tells them."""
    return {one["name"]: one["data"] for one in browser.get("/notifications").json if one["name"] in TOLD}


def write(sender, recipient, text: str) -> None:
    assert sender.post_form(f"/send_message/{recipient}", {"message": text}).status_code == 303


def test_replying_accepts_the_request(as_):
    ana, ben = as_("ana"), as_("ben")
    write(ana, "ben", "one")
    write(ana, "ben", "two")
    assert polled_counts(ben) == {"message_request_count": 1}
    write(ben, "ana", "who is this?")  # and has not said that the page showed him what she wrote
    assert polled_counts(ben) == {"unread_message_count": 2, "message_request_count": 0}
    assert polled_counts(ana) == {"unread_message_count": 1}  # she began: an answer is no request


def test_next_message_from_someone_now_followed_accepts_the_request(as_):
    ana, ben = as_("ana"), as_("ben")
    write(ana, "ben", "one")
    a_follow(ben.user, ana.user)
    write(ana, "ben", "two")
    assert polled_counts(ben) == {"unread_message_count": 2, "message_request_count": 0}


def test_first_message_from_someone_followed_updates_only_the_message_badge(as_):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ben.user, ana.user)
    write(ana, "ben", "one")
    assert polled_counts(ben) == {"unread_message_count": 1}
