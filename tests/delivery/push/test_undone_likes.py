"""A like that is taken back and given again: the author is told once."""

from __future__ import annotations

import pytest

from app.models import DeliveryPreference
from tests.activity.conftest import badge_counts, shown_rows
from tests.factories import a_post

SOON = 60  # seconds after which an ordered email or push is due


@pytest.fixture
def pair(as_):
    """Ana, and Ben, who likes her post."""
    return as_("ana"), as_("ben")


@pytest.fixture
def react(pair):
    """Ben reacts to Ana's post; what her badge shows then."""
    ana, ben = pair
    post = a_post(ana.user)

    def react(what):
        assert ben.post_form(f"/post/{post.id}/{what}").status_code == 303
        return badge_counts(ana)["unread_activity_count"]

    return react


def told_about_likes(db, person, **chosen):
    db.session.add(DeliveryPreference(**{"user_id": person.user.id, "kind": "like", "badge": True, **chosen}))
    db.session.commit()


def test_like_that_was_read_is_not_told_again(pair, react):
    ana, _ben = pair
    react("like")
    ana.submit("/activity", action="/activity/read")
    assert [react(what) for what in ("unlike", "like", "unlike", "like")] == [0] * 4
    assert [(row.kind, row.is_unread) for row in shown_rows(ana)] == [("like", False)]


def test_like_that_was_not_read_follows_the_button(pair, react):
    ana, _ben = pair
    assert [react(what) for what in ("like", "unlike", "like", "unlike")] == [1, 0, 1, 0]
    assert shown_rows(ana) == []


def test_like_that_was_emailed_is_not_emailed_again(pair, react, db, run_jobs, mails):
    ana, _ben = pair
    told_about_likes(db, ana, push=False, mail="now", grouped=True)
    react("like")
    run_jobs(advance=SOON)
    assert len(mails) == 1
    assert react("unlike") == 0
    assert shown_rows(ana) == []
    assert "filtered notification" not in ana.get("/activity").text
    assert react("like") == 1
    assert [row.is_unread for row in shown_rows(ana)] == [True]
    run_jobs(advance=86_400)
    assert len(mails) == 1


def test_like_that_was_pushed_is_not_pushed_again(pair, react, subscribe, service, db, run_jobs):
    ana, _ben = pair
    subscribe(ana)
    told_about_likes(db, ana, push=True, mail="none", grouped=True)
    react("like")
    run_jobs(advance=SOON)
    assert len(service.pushes) == 1
    assert [react("unlike"), react("like")] == [0, 1]
    run_jobs(advance=SOON)
    assert len(service.pushes) == 1


def test_like_that_returns_before_it_was_emailed_is_emailed(pair, react, subscribe, db, run_jobs, mails):
    ana, _ben = pair
    react("like")
    subscribe(ana)  # this browser counts as told of everything before
    told_about_likes(db, ana, push=True, mail="now", grouped=True)
    react("unlike")
    run_jobs(advance=SOON)
    assert len(mails) == 0
    react("like")
    run_jobs(advance=SOON)
    assert len(mails) == 1
