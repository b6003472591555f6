"""What changes after a view has read, and before it begins to write, counts."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, update

from app.models import Block, Follow, Mute, Post, Report, User
from tests.factories import a_post, a_user


def closed(person: User):
    return update(User).where(User.id == person.id).values(active=False)


def test_deleting_a_just_deleted_post_succeeds(as_, db, before_writing):
    ana = as_("ana")
    post = a_post(ana.user)
    before_writing(delete(Post).where(Post.id == post.id))
    assert ana.post_form(f"/post/{post.id}/delete").status_code == 303


def test_language_of_a_just_deleted_post_cannot_be_changed(as_, db, before_writing):
    ana = as_("ana")
    post = a_post(ana.user)
    before_writing(delete(Post).where(Post.id == post.id))
    assert ana.post_form(f"/post/{post.id}/language", {"language": "de"}).status_code == 404


def test_just_deleted_post_cannot_be_reported(as_, db, before_writing):
    ana = as_("ana")
    post = a_post(a_user("ben"))
    before_writing(delete(Post).where(Post.id == post.id))
    assert ana.post_form(f"/report/post/{post.id}", {"form_key": "k"}).status_code == 404
    assert db.session.scalars(select(Report)).all() == []


def test_member_who_just_blocked_the_viewer_cannot_be_followed(as_, db, before_writing):
    ana, ben = as_("ana"), a_user("ben")
    before_writing(insert(Block).values(blocker_id=ben.id, blocked_id=ana.user.id))
    ana.post_form("/follow/ben")
    assert db.session.scalars(select(Follow)).all() == []


@pytest.mark.parametrize(("action", "row"), [("follow", Follow), ("block", Block), ("mute", Mute)])
def test_just_closed_account_is_not_found(as_, db, before_writing, action, row):
    ana, ben = as_("ana"), a_user("ben")
    before_writing(closed(ben))
    assert ana.post_form(f"/{action}/ben").status_code == 404
    assert db.session.scalars(select(row)).all() == []


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/explore", 405), ("/post", 400)])
def test_a_refusal_is_shown_without_the_write_lock(as_, path, status):
    """The page of the error says who is logged in. The check is in tests/support/lock_watch.py."""
    assert as_("ana").post(path, data={"post": "without a token"}).status_code == status
