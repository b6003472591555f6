"""Two people who follow each other and write to each other, until one has enough."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Follow
from tests.factories import a_follow, acquainted
from tests.support.client import Browser


def posts_on(browser: Browser, path: str) -> list[int]:
    """The ids of the posts of a page, in its order."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return [int(identity) for identity in re.findall(r'<article class="post[^"]*" id="post-(\d+)"', answer.text)]


def polled_states(browser: Browser, name: str, since: float = 0) -> list[object]:
    """What a poll is told under that name."""
    answer = browser.get(f"/notifications?since={since}")
    return [one["data"] for one in answer.json if one["name"] == name]


def unread_counts(browser: Browser) -> tuple[int, int]:
    """Unread messages and unread activity: the same on a page and in the poll of somebody who heard everything."""
    found = dict(re.findall(r'data-badge="(\w+)" data-count="(\d+)"', browser.get("/explore").text))
    for name, number in found.items():
        heard = polled_states(browser, name)
        assert (heard[-1] if heard else 0) == int(number), name
    return int(found["unread_message_count"]), int(found["unread_activity_count"])


def newest_timestamp(browser: Browser) -> float:
    """What a client remembers that has heard everything."""
    return max((one["timestamp"] for one in browser.get("/notifications?since=0").json), default=0.0)


def send_text(browser: Browser, person: str, body: str) -> int:
    """Message somebody by the form; the status."""
    return browser.post_form(f"/send_message/{person}", {"message": body, "form_key": body}).status_code


def publish(browser: Browser, body: str) -> None:
    """Through the form's door."""
    assert browser.post_form("/post", {"post": body, "form_key": body}).status_code == 303


def submit_action(browser: Browser, deed: str, person: str, **fields: str) -> None:
    """Block, unblock, mute or unmute somebody."""
    assert browser.post_form(f"/{deed}/{person}", fields).status_code == 303


@pytest.fixture
def ana(as_):
    return as_("ana")


@pytest.fixture
def ben(as_, ana):
    browser = as_("ben")
    a_follow(browser.user, ana.user)
    a_follow(ana.user, browser.user)
    acquainted(ana.user, browser.user)
    return browser


@pytest.fixture
def follows(db):
    """Who follows whom, by name."""

    def ask() -> set[tuple[int, int]]:
        return {(row.follower_id, row.followed_id) for row in db.session.scalars(select(Follow))}

    return ask
