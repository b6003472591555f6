"""Reactions for each kind of viewer: a number is the same wherever it is shown, and every list fits it."""

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


@pytest.mark.parametrize("reaction", ["like", "repost"])
@pytest.mark.parametrize("relation", RELATIONS)
def test_number_of_reactions_fits_what_the_viewer_sees(as_, db, run_jobs, relation, reaction):
    turn, is_seen = RELATIONS[relation]
    ana, ben, cleo, viewer = (as_(name) for name in ("ana", "ben", "cleo", "viewer"))
    post = a_post(ana.user)
    for browser in (ben, cleo):
        act(browser, post, reaction)
    act(viewer, post, "bookmark")
    turn(viewer.user, ben.user)
    db.session.commit()
    if "other is" in relation:
        recount(ben.user)
        run_jobs()
    count = 1 + is_seen
    pages = ("/explore", "/user/ana", f"/post/{post.id}", "/search?q=hello", "/bookmarks")
    assert {button_of(viewer.get(page).text, post, reaction)[2] for page in pages} == {str(count)}
    for what, number in ((reaction, count + 1), (f"un{reaction}", count)):
        answer = viewer.post_form(f"/post/{post.id}/{what}", headers=AS_SCRIPT)
        assert answer.get_json() == {f"{reaction}s": str(number)}


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("of_whom", ["author", "reposter"])
def test_reposts_in_timelines_fit_what_the_viewer_sees(as_, db, run_jobs, relation, of_whom):
    """What the viewer and the author of a reposted post are to each other; or the viewer and who reposted it."""
    turn, is_seen = RELATIONS[relation]
    ana, ben, viewer = (as_(name) for name in ("ana", "ben", "viewer"))
    a_follow(viewer.user, ben.user)
    post = a_post(ana.user)
    act(ben, post, "repost")
    other = ana.user if of_whom == "author" else ben.user
    if not (other is ben.user and relation == "follower"):
        turn(viewer.user, other)
    db.session.commit()
    if "other is" in relation:
        recount(other)
        run_jobs()
    on_home = posts_on(viewer.get("/").text)
    assert on_home == [post.id] * is_seen
    assert ("ben reposted" in unmarked(viewer.get("/").text)) == is_seen
    assert viewer.get("/timeline/news?after=0").get_json()["count"] == len(on_home)
    profile = viewer.get("/user/ben")
    # Who opens the profile of a person they mute wants to see it.
    is_there = is_seen or (of_whom == "reposter" and relation == "mutes the other")
    assert (post.id in posts_on(profile.text)) == is_there


def unmarked(page: str) -> str:
    """The words of a page."""
    return re.sub(r"<[^>]+>", "", page)


@pytest.mark.parametrize("relation", RELATIONS)
def test_posts_of_hidden_people_leave_ones_lists_and_come_back(as_, db, relation):
    turn, _is_seen = RELATIONS[relation]
    is_listed = not re.search("block|suspended|closed", relation)  # what one has chosen stays, although one mutes
    ana, viewer = as_("ana"), as_("viewer")
    post = a_post(ana.user)
    for what in ("like", "bookmark", "repost"):
        act(viewer, post, what)
    turn(viewer.user, ana.user)
    db.session.commit()
    for path in ("/likes", "/bookmarks"):
        assert posts_on(viewer.get(path).text) == [post.id] * is_listed, path
    assert posts_on(viewer.get("/user/viewer").text) == [post.id] * (is_listed and "mutes the" not in relation)
    for what in ("like", "unlike", "bookmark", "unbookmark", "repost", "unrepost"):
        for headers in ({}, AS_SCRIPT):
            status = viewer.post_form(f"/post/{post.id}/{what}", headers=headers).status_code
            assert status == (404 if not is_listed else 200 if headers else 303), what


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_author_is_told_of_the_reactions_they_see(as_, db, run_jobs, relation):
    """Here, the author is the viewer. The unread number is that of the rows, and bookmarks are in none."""
    turn, is_seen = RELATIONS[relation]
    viewer, ben, cleo = (as_(name) for name in ("viewer", "ben", "cleo"))
    post = a_post(viewer.user)
    for browser in (ben, cleo):
        act(browser, post, "bookmark")
    for what in ("like", "repost"):
        act(ben, post, what)
    turn(viewer.user, ben.user)
    db.session.commit()
    if "other is" in relation:
        recount(ben.user)
        run_jobs()
    for what in ("like", "repost"):
        told = re.findall(rf'data-kind="{what}"', viewer.get("/activity").text)
        assert len(told) == is_seen
        assert button_of(viewer.get("/").text, post, what)[2] == ("1" if is_seen else "")


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
