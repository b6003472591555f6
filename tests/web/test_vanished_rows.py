"""A row that a request names is deleted, or changed, after the request has begun and before it writes."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from app.models import Job, LoginSession, Message, PushSubscription, Report, User
from tests.factories import a_message, a_user
from tests.support.push_service import PushService


@pytest.fixture
def failed_job(db, as_):
    ana = as_("ana")
    job = Job(name="posts.export", args={}, queue="slow", owner_id=ana.user.id, state="failed")
    db.session.add(job)
    db.session.commit()
    return job


def erased(person: User):
    return delete(User).where(User.id == person.id)


def test_just_deleted_task_is_not_found(as_, failed_job, before_writing):
    before_writing(delete(Job).where(Job.id == failed_job.id))
    assert as_("ana").post_form(f"/tasks/{failed_job.id}/retry").status_code == 404


def test_just_erased_account_cannot_be_reported(as_, db, before_writing):
    ana, ben = as_("ana"), a_user("ben")
    before_writing(erased(ben))
    assert ana.post_form("/report/person/ben", {"note": "Rude", "form_key": "k"}).status_code == 404
    assert db.session.scalars(select(Report)).all() == []


@pytest.mark.parametrize("has_written", [False, True])
def test_just_erased_account_gets_no_message(as_, db, before_writing, has_written):
    ana, ben = as_("ana"), a_user("ben")
    if has_written:
        a_message(ben, ana.user)
    before_writing(erased(ben))
    assert ana.post_form("/send_message/ben", {"message": "Hello"}).status_code == 404
    assert db.session.scalars(select(Message).where(Message.sender_id == ana.user.id)).all() == []


def test_just_erased_account_joins_no_group(as_, db, before_writing):
    ana, ben = as_("ana"), a_user("ben")
    a_user("eve")
    before_writing(erased(ben))
    answer = ana.post_form("/messages/groups", {"to": "ben, eve", "message": "Hello", "form_key": "k"})
    assert answer.status_code in {404, 422}
    assert db.session.scalars(select(Message)).all() == []


@pytest.mark.parametrize("path", ["look", "assign", "resolve", "warn", "suspend"])
def test_just_deleted_report_is_not_found(as_, db, before_writing, path):
    ana, mia = as_("ana"), as_(a_user("mia", role="moderator"))
    a_user("ben")
    ana.post_form("/report/person/ben", {"note": "Rude", "form_key": "k"})
    before_writing(delete(Report))
    assert mia.post_form(f"/moderation/1/{path}", {"words": "No"}).status_code == 404


def test_login_that_just_ended_gets_no_push(as_, db, before_writing, configure):
    service = PushService()
    configure(PUSH_HOSTS=("127.0.0.1",))
    try:
        before_writing(delete(LoginSession))
        answer = as_("ana").post_form("/push/subscribe", service.browser().fields())
        assert answer.location.startswith("/auth/login")
        assert db.session.scalars(select(PushSubscription)).all() == []
    finally:
        service.stop()


@pytest.mark.parametrize(
    ("path", "mine", "other", "column"),
    [
        ("/edit_profile", {"theme": "auto"}, {"theme": "dark"}, "theme"),
        ("/edit_profile", {"name": ""}, {"name": "Anna"}, "name"),
        ("/privacy", {"writable_by": "everyone"}, {"writable_by": "nobody"}, "message_privacy"),
        ("/privacy", {}, {"receipts": "y"}, "receipts"),
    ],
)
def test_the_later_of_two_forms_is_saved(as_, db, before_writing, path, mine, other, column):
    """The later form has the values that its request has loaded, and the other form has changed them since."""
    ana = as_("ana")
    before, second = getattr(ana.user, column), as_(ana.user)
    whole = {"theme": "auto", "writable_by": "everyone"}
    answers = []
    before_writing(lambda: answers.append(second.post_form(path, whole | other).status_code))
    assert ana.post_form(path, whole | mine).status_code == 303
    assert answers == [303]
    assert getattr(ana.user, column) == before
