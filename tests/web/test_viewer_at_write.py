"""A viewer whose login, account or role ends after the request has begun, and before it writes."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from app.models import LoginSession, Message, User
from app.moderation import actions as moderation
from tests.factories import PASSWORD, a_message, a_post, a_user
from tests.support.sql import everything

NEW = "harbour crane velvet 3"
# A form that each view would accept, by address. `N` is the id of ben's post, `C` that of the conversation with him.
FORMS = {
    "/activity/read": {"first": "1", "last": "2"},
    "/auth/confirm_password": {"current_password": PASSWORD},
    "/auth/delete_account": {"current_password": PASSWORD},
    "/auth/security/confirmation": {},
    "/auth/security/email": {"email": "new@example.org", "current_password": PASSWORD},
    "/auth/security/logins/end": {},
    "/auth/security/password": {"old_password": PASSWORD, "password": NEW, "password2": NEW},
    "/block/ben": {},
    "/edit_profile": {"name": "Ana B.", "theme": "dark"},
    "/follow/ben": {},
    "/messages/ben/draft": {"message": "Dear", "own_seq": "0"},
    "/messages/ben/read": {"seq": "1"},
    "/messages/delivered": {"timestamp": "1"},
    "/messages/groups": {"to": "ben, eve", "message": "Hello", "form_key": "k"},
    "/mute/ben": {"hours": "24"},
    "/notification_settings/pause": {},
    "/post": {"post": "Hello", "language": "en", "form_key": "k"},
    "/post/N/bookmark": {},
    "/post/N/like": {},
    "/post/draft": {"form_key": "k", "post": "Dear"},
    "/post/N/reply": {"post": "Hello", "language": "en", "form_key": "k"},
    "/privacy": {"writable_by": "nobody"},
    "/push/unsubscribe": {"endpoint": "https://push.example.org/1"},
    "/report/C": {"message": "1", "note": "", "form_key": "k"},
    "/report/person/ben": {"note": "", "form_key": "k"},
    "/report/post/N": {"note": "", "form_key": "k"},
    "/send_message/ben": {"message": "Hello"},
}


@pytest.fixture
def ana(as_):
    """Ana's browser. Ben has written to her, and has posted."""
    browser = as_("ana")
    ben, _ = a_user("ben"), a_user("eve")
    ids = {"C": str(a_message(ben, browser.user).conversation_id), "N": str(a_post(ben).id)}
    browser.address = lambda path: "/".join(ids.get(part, part) for part in path.split("/"))
    return browser


def is_asked_to_log_in(answer) -> bool:
    return answer.status_code in {302, 303} and answer.location.startswith("/auth/login")


@pytest.mark.parametrize("path", FORMS)
def test_nothing_is_written_after_the_login_ended(ana, before_writing, path):
    gone = delete(LoginSession).where(LoginSession.user_id == ana.user.id)
    ended = before_writing(gone)
    before = everything()
    answer = ana.post_form(ana.address(path), FORMS[path])
    assert not ended, f"{path} has written nothing: {answer.status}"
    assert is_asked_to_log_in(answer), answer.status
    before["login_session"] = []
    assert everything() == before


@pytest.mark.parametrize("path", ["/send_message/ben", "/follow/ben", "/auth/security/password"])
@pytest.mark.parametrize("change", ["suspended", "closed", "password changed", "logged out", "expired"])
def test_end_of_the_login_counts_before_the_write(app, ana, as_, db, before_writing, change, path):
    other, person_id = as_(ana.user), ana.user.id
    login = db.session.query(LoginSession).order_by(LoginSession.created_at).first().id
    changes = {
        "closed": lambda: other.post_form("/auth/delete_account", FORMS["/auth/delete_account"]),
        "password changed": lambda: other.post_form("/auth/security/password", FORMS["/auth/security/password"]),
        "logged out": lambda: other.post_form("/auth/security/logins/end"),
        "expired": update(LoginSession).where(LoginSession.id == login).values(expires_at=ana.user.created_at),
    }

    def suspend() -> None:
        with app.app_context():
            moderation.suspend(None, person_id)
            db.session.commit()

    ended = before_writing(changes.get(change, suspend))
    answer = ana.post_form(path, FORMS[path])
    assert not ended
    assert is_asked_to_log_in(answer), answer.status
    assert db.session.query(Message).count() == 1


def test_refused_request_of_a_script_gets_401(ana, before_writing):
    before_writing(delete(LoginSession))
    answer = ana.post_form("/messages/ben/read", {"seq": "1"}, headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json["error"]


def test_message_to_a_group_is_refused_after_the_login_ended(ana, db, before_writing):
    ana.post_form("/messages/groups", FORMS["/messages/groups"])
    group = db.session.query(Message).order_by(Message.id.desc()).first().conversation_id
    before_writing(delete(LoginSession))
    before = db.session.query(Message).count()
    assert is_asked_to_log_in(ana.post_form(f"/messages/thread/{group}/send", {"message": "Hello"}))
    assert db.session.query(Message).count() == before


def test_draft_of_a_refused_post_is_not_saved_after_the_login_ended(ana, before_writing):
    """The view writes twice: the second time after a rollback, which expires the row of the login."""
    before_writing(lambda: before_writing(delete(LoginSession)))
    before = everything()
    assert is_asked_to_log_in(ana.post_form("/post", {"post": " ", "form_key": "k"}))
    assert everything() == before | {"login_session": []}


@pytest.mark.parametrize("path", ["look", "assign", "resolve", "warn", "suspend"])
def test_moderation_is_not_found_after_the_role_was_lost(ana, as_, db, before_writing, path):
    mia = as_(a_user("mia", role="moderator"))
    ana.post_form("/report/person/ben", FORMS["/report/person/ben"])
    ended = before_writing(update(User).where(User.id == mia.user.id).values(role="member"))
    before = everything()
    answer = mia.post_form(f"/moderation/1/{path}", {"words": "No"})
    assert not ended
    assert answer.status_code == 404
    assert {**everything(), "user": []} == {**before, "user": []}
