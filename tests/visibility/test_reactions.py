"""Likes and bookmarks for each kind of viewer: a number is the same wherever it is shown, and every list fits it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from app.core.signals import account_activity_changed
from app.core.time import now
from app.extensions import db as the_db
from app.models import Block, Mute, User
from tests.factories import a_follow, a_post
from tests.posts.test_likes import act, button_of
from tests.posts.test_timelines import posts_on
from tests.support.client import Browser

AS_SCRIPT = {"Accept": "application/json"}
Turn = Callable[[User, User], object]  # what the viewer and the other are to each other


def add(row: object) -> None:
    the_db.session.add(row)


def change(person: User, **values: Any) -> None:
    for name, value in values.items():
        setattr(person, name, value)


NOTHING: Turn = lambda viewer, other: None  # noqa: E731 (one line each)
RELATIONS: dict[str, tuple[Turn, bool]] = {  # and whether the viewer sees what the other has done
    "stranger": (NOTHING, True),
    "follower": (a_follow, True),
    "followed": (lambda viewer, other: a_follow(other, viewer), True),
    "moderator": (lambda viewer, other: change(viewer, role="moderator"), True),
    "muted by the other": (lambda viewer, other: add(Mute(muter_id=other.id, muted_id=viewer.id)), True),
    "blocked by the other": (lambda viewer, other: add(Block(blocker_id=other.id, blocked_id=viewer.id)), False),
    "blocks the other": (lambda viewer, other: add(Block(blocker_id=viewer.id, blocked_id=other.id)), False),
    "mutes the other": (lambda viewer, other: add(Mute(muter_id=viewer.id, muted_id=other.id)), False),
    "the other is suspended": (lambda viewer, other: change(other, active=False, suspended_at=now()), False),
    "the other is closed": (lambda viewer, other: change(other, active=False, deletion_due_at=now()), False),
}


@pytest.mark.parametrize("relation", RELATIONS)
def test_number_of_likes_fits_what_the_viewer_sees(as_, db, run_jobs, relation):
    turn, is_seen = RELATIONS[relation]
    ana, ben, cleo, viewer = (as_(name) for name in ("ana", "ben", "cleo", "viewer"))
    post = a_post(ana.user)
    for browser in (ben, cleo):
        act(browser, post, "like")
    act(viewer, post, "bookmark")
    turn(viewer.user, ben.user)
    db.session.commit()
    if "other is" in relation:
        recount(ben.user)
        run_jobs()
    count = 1 + is_seen
    pages = ("/explore", "/user/ana", f"/post/{post.id}", "/search?q=hello", "/bookmarks")
    assert {button_of(viewer.get(page).text, post, "like")[2] for page in pages} == {str(count)}
    for what, number in (("like", count + 1), ("unlike", count), ("bookmark", count)):
        answer = viewer.post_form(f"/post/{post.id}/{what}", headers=AS_SCRIPT)
        assert answer.get_json() == {"likes": str(number)}


@pytest.mark.parametrize("relation", RELATIONS)
def test_posts_of_hidden_people_leave_ones_lists_and_come_back(as_, db, relation):
    turn, _is_seen = RELATIONS[relation]
    is_listed = not re.search("block|suspended|closed", relation)  # what one has chosen stays, although one mutes
    ana, viewer = as_("ana"), as_("viewer")
    post = a_post(ana.user)
    for what in ("like", "bookmark"):
        act(viewer, post, what)
    turn(viewer.user, ana.user)
    db.session.commit()
    for path in ("/likes", "/bookmarks"):
        assert posts_on(viewer.get(path).text) == [post.id] * is_listed, path
    for what in ("like", "unlike", "bookmark", "unbookmark"):
        for headers in ({}, AS_SCRIPT):
            status = viewer.post_form(f"/post/{post.id}/{what}", headers=headers).status_code
            assert status == (404 if not is_listed else 200 if headers else 303), what


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_author_is_told_of_the_likes_they_see(as_, db, run_jobs, relation):
    """Here, the author is the viewer. The unread number is that of the rows, and bookmarks are in none."""
    turn, is_seen = RELATIONS[relation]
    viewer, ben, cleo = (as_(name) for name in ("viewer", "ben", "cleo"))
    post = a_post(viewer.user)
    for browser in (ben, cleo):
        act(browser, post, "bookmark")
    act(ben, post, "like")
    turn(viewer.user, ben.user)
    db.session.commit()
    if "other is" in relation:
        recount(ben.user)
        run_jobs()
    likers = re.findall(r'data-kind="like"', viewer.get("/activity").text)
    assert len(likers) == is_seen
    assert button_of(viewer.get("/").text, post, "like")[2] == ("1" if is_seen else "")


def recount(person: User) -> None:
    """Announce that the account was closed, as the actions that close accounts do."""
    account_activity_changed.send(person)
    the_db.session.commit()


def test_lists_are_only_ones_own(as_, client: Browser):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    for what in ("like", "bookmark"):
        act(ben, post, what)
    for path in ("/likes", "/bookmarks"):
        assert posts_on(ana.get(path).text) == []
        assert posts_on(ben.get(path).text) == [post.id]
        assert client.get(path).status_code == 302
