"""Deleting one's account: closed at once, taken back by logging in, and done after 14 days."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.accounts.actions import deletion
from app.core import account_deletion
from app.core.exports import exports
from app.core.time import now
from app.extensions import Base
from app.jobs import enqueue
from app.messages.actions import account_deletion as message_deletion
from app.messages.actions import groups
from app.models import (
    Activity,
    Block,
    Conversation,
    ConversationMember,
    Follow,
    HiddenMessage,
    Job,
    LoginSession,
    Message,
    MessageImage,
    Mute,
    Notification,
    Post,
    PushSubscription,
    User,
)
from app.notifications import record_event
from tests.accounts.steps import a_browser, is_logged_in, link_in, log_in, register
from tests.factories import PASSWORD, a_follow, a_message, a_post, a_user, acquainted

PAGE = "/auth/delete_account"
GRACE = 14 * 24 * 3600


def polled_states(browser) -> dict[str, object]:
    """The newest state of each name, as a poll tells it."""
    return {one["name"]: one["data"] for one in browser.get("/notifications").json}


def request_deletion(browser, password: str = PASSWORD):
    return browser.submit(PAGE, {"current_password": password})


@pytest.fixture
def wait_days(db, run_jobs):
    """Let days pass for the accounts that wait, and do what is due."""

    def days_pass(days: float) -> None:
        for person in db.session.scalars(select(User).where(User.deletion_due_at.is_not(None))):
            person.deletion_due_at -= timedelta(days=days)
        db.session.commit()
        enqueue("accounts.delete_due")
        db.session.commit()
        run_jobs()

    return days_pass


@pytest.fixture
def ana(as_, db):
    """Somebody who may go: ben is the admin."""
    a_user("ben", role="admin")
    return as_("ana")


# The order


def test_deletion_page_explains_consequences_and_is_linked_from_security_page(ana):
    assert f'href="{PAGE}"' in ana.get("/auth/security").text
    page = ana.get(PAGE).text
    for words in ("have 14 days", "Log in during that time", "without your name", "then take your username"):
        assert words in page


def test_deletion_requires_password_and_csrf_token(ana, client, db):
    assert client.get(PAGE).status_code == 302
    assert ana.post(PAGE, data={"current_password": PASSWORD}).status_code == 400
    for wrong in ("", "not it"):
        assert request_deletion(ana, wrong).status_code == 422
    assert is_logged_in(ana)
    assert db.session.scalars(select(User.deletion_due_at)).all() == [None, None]


def test_account_is_closed_immediately(ana, app, as_, db, run_jobs, mails):
    other, ben = a_browser(app), as_("ben")
    log_in(other)
    a_post(ana.user, "Low tide at six")
    record_event(ben.user.id, "follow", "ana", actor=ana.user)
    db.session.commit()
    login = db.session.scalars(select(LoginSession).where(LoginSession.user_id == ana.user.id)).first()
    keys = {"endpoint": "https://push.example/1", "endpoint_hash": "1", "p256dh": "k", "auth": "a", "synced_until": 0.0}
    db.session.add(PushSubscription(user_id=ana.user.id, login_id=login.id, **keys))
    db.session.commit()
    assert polled_states(ben)["unread_activity_count"] == 1

    answer = request_deletion(ana)
    assert (answer.status_code, answer.location) == (303, "/auth/login")
    assert not is_logged_in(ana) and not is_logged_in(other)
    assert db.session.scalars(select(PushSubscription)).all() == []
    assert ben.get("/user/ana").status_code == 404
    assert "Low tide at six" not in ben.get("/explore").text
    run_jobs()
    assert polled_states(ben)["unread_activity_count"] == 0  # ben's pages hear of it
    [mail] = mails.to("ana@example.org")
    assert mail.subject == "Your account will be deleted"
    assert "http://microblog.test/auth/login" in mail.text and "http://microblog.test/auth/login" in mail.html
    day = db.session.get_one(User, ana.user.id).deletion_due_at
    assert timedelta(days=13, hours=23) < day - now() <= timedelta(days=14)
    assert str(day.year) in mail.text


def test_last_admin_cannot_delete_the_account(as_, db):
    ben, cleo = as_(a_user("ben", role="admin")), a_user("cleo", role="admin", active=False)
    answer = request_deletion(ben)
    assert answer.status_code == 422
    assert "only admin" in answer.text
    assert is_logged_in(ben)
    cleo.active = True
    db.session.commit()
    assert request_deletion(ben).status_code == 303


# The way back


@pytest.mark.parametrize("name", ["ana", "ana@example.org"])
def test_logging_in_cancels_deletion(ana, as_, client, db, run_jobs, mails, wait_days, name):
    ben = as_("ben")
    record_event(ben.user.id, "follow", "ana", actor=ana.user)
    db.session.commit()
    request_deletion(ana)
    wait_days(13.9)
    assert log_in(client, name, "not the password").status_code == 422
    assert not is_logged_in(client)
    answer = log_in(client, name)
    assert answer.status_code == 303
    assert "Your account has been restored" in client.follow(answer).text
    assert is_logged_in(client)
    assert ben.get("/user/ana").status_code == 200
    run_jobs()
    assert polled_states(ben)["unread_activity_count"] == 1
    assert [mail.subject for mail in mails.to("ana@example.org")][-1] == "Your account has been restored"
    wait_days(30)
    assert is_logged_in(client)


def test_password_reset_cancels_deletion(ana, client, run_jobs, mails):
    request_deletion(ana)
    client.submit("/auth/reset_password_request", {"email": "ana@example.org"})
    run_jobs()
    (mail,) = (mail for mail in mails.to("ana@example.org") if "/auth/reset_password/" in mail.text)
    fresh = "nine slow lanterns"
    assert client.submit(link_in(mail), {"password": fresh, "password2": fresh}).status_code == 303
    assert "Your account has been restored" in client.follow(log_in(client, "ana", password=fresh)).text


def test_suspended_member_cannot_cancel_deletion_by_logging_in(ana, client, db):
    request_deletion(ana)
    person = db.session.get_one(User, ana.user.id)
    person.suspended_at = now()
    db.session.commit()
    assert "suspended" in log_in(client).text
    assert not is_logged_in(client)
    db.session.expire_all()
    assert person.deletion_due_at is not None and not person.active


def test_login_fails_after_deletion_is_due(ana, client, db):
    request_deletion(ana)
    db.session.get_one(User, ana.user.id).deletion_due_at = now() - timedelta(seconds=1)
    db.session.commit()
    assert "Incorrect username or password" in log_in(client).text
    assert not is_logged_in(client)


def test_outdated_deletion_email_is_not_sent(ana, client, run_jobs, mails):
    request_deletion(ana)
    log_in(client)
    run_jobs()
    assert [mail.subject for mail in mails.to("ana@example.org")] == ["Your account has been restored"]


# The deletion


def rows_of_user(db, user_id: int) -> dict[str, int]:
    """How many rows name the person, by table and column; whatever tables there will be."""
    found = {}
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table.name == "user":
                where = f'SELECT count(*) FROM "{table.name}" WHERE {key.parent.name} = :id'
                count = db.session.execute(text(where), {"id": user_id}).scalar_one()
                found |= {f"{table.name}.{key.parent.name}": count} if count else {}
    return found


def create_data(ana: User, ben: User, db) -> None:
    """Ana does a little of everything."""
    for number in range(5):
        a_post(ana, f"post {number} for @ben")
    a_follow(ana, ben)
    a_follow(ben, ana)
    record_event(ben.id, "follow", "ana", actor=ana)
    record_event(ana.id, "follow", "ben", actor=ben)
    hidden = a_message(ben, ana, "to be hidden")
    a_message(ana, ben, "hello")
    db.session.add_all(
        [
            HiddenMessage(user_id=ana.id, message_id=hidden.id),
            Block(blocker_id=a_user("dora").id, blocked_id=ana.id),
            Mute(muter_id=ana.id, muted_id=a_user("emil").id),
        ]
    )
    enqueue("posts.export", owner=ana, owner_id=ana.id)
    db.session.commit()


def test_deletion_removes_own_data_and_keeps_data_of_others(ana, db, wait_days, monkeypatch, configure, tmp_path):
    configure(DATA_DIR=tmp_path)  # exports of other tests lie in the shared one
    monkeypatch.setattr(deletion, "BATCH", 2)
    monkeypatch.setattr(message_deletion, "BATCH", 2)
    ben, user_id = db.session.scalars(select(User).where(User.username == "ben")).one(), ana.user.id
    create_data(ana.user, ben, db)
    a_post(ben, "ben's own")
    assert len(rows_of_user(db, user_id)) > 10
    request_deletion(ana)
    wait_days(13.9)
    assert rows_of_user(db, user_id)["post.author_id"] == 5
    assert len(list(exports().root.glob("*/*.json"))) == 1
    wait_days(1)
    assert rows_of_user(db, user_id) == {}
    assert db.session.get(User, user_id) is None
    assert list(exports().root.glob("*/*.json")) == []
    assert db.session.scalars(select(Post.body)).all() == ["ben's own"]
    assert db.session.scalars(select(Message.body).order_by(Message.seq)).all() == ["to be hidden", "hello"]
    assert db.session.scalars(select(Follow)).all() == db.session.scalars(select(Activity)).all() == []


def test_username_and_email_address_are_free_after_deletion(ana, client, wait_days):
    request_deletion(ana)
    assert register(client).status_code == 422
    wait_days(14)
    assert register(client).status_code == 303


def test_messages_remain_after_deletion_without_name_and_images(ana, as_, db, wait_days):
    ben, user_id = as_("ben"), ana.user.id
    a_message(ben.user, ana.user, "How was it?")
    words, picture = a_message(ana.user, ben.user, "Splendid"), a_message(ana.user, ben.user, "for now")
    picture.body = ""
    for message in (words, picture):
        db.session.add(MessageImage(message_id=message.id, position=0, file=f"{message.id}.webp", width=1, height=1))
    db.session.commit()
    assert polled_states(ben)["unread_message_count"] == 2
    request_deletion(ana)
    wait_days(14)
    after = polled_states(ben)
    assert after["unread_message_count"] == 0
    thread_id = words.conversation_id
    assert (after["conversation"]["with"], after["conversation"]["group"]) == ("", thread_id)
    assert "ana" not in str(db.session.scalars(select(Notification.data)).all())
    assert db.session.scalars(select(Message.sender_id).order_by(Message.seq)).all() == [ben.user.id, None, None]
    assert db.session.scalars(select(MessageImage)).all() == []
    assert user_id not in db.session.scalars(select(ConversationMember.user_id)).all()

    assert ben.get("/messages/ana").status_code == 404
    inbox, page = ben.get("/messages"), ben.get(f"/messages/thread/{thread_id}")
    assert f'href="/messages/thread/{thread_id}"' in inbox.text
    for answer in (inbox, page):
        assert answer.status_code == 200
        assert "Deleted account" in answer.text
        assert not re.search(r"\bana\b", answer.text)
    assert "Splendid" in page.text and "How was it?" in page.text
    answer = ben.post_form(f"/messages/thread/{thread_id}/send", {"message": "Are you there?"})
    assert answer.status_code == 422
    assert "This account has been deleted." in answer.text
    assert len(db.session.scalars(select(Message)).all()) == 3


def test_unaccepted_message_request_is_deleted_with_its_sender(ana, as_, db, wait_days):
    cleo = as_("cleo")
    ana.post_form("/send_message/cleo", {"message": "May I?"})
    assert polled_states(cleo)["message_request_count"] == 1
    request_deletion(ana)
    wait_days(14)
    assert polled_states(cleo)["message_request_count"] == 0
    assert db.session.scalars(select(Conversation)).all() == []
    assert "ana" not in str(db.session.scalars(select(Notification.data)).all())


def test_group_continues_after_a_member_is_deleted(ana, as_, db, wait_days):
    ben, cleo = as_("ben"), as_("cleo")
    for other in (ben, cleo):
        acquainted(ana.user, other.user)
    a_follow(ana.user, ben.user)
    a_follow(cleo.user, ben.user)
    thread_id = groups.start(ben.user, [ana.user, cleo.user], "Tide", "Hello").id
    dora = a_user("dora")
    a_follow(dora, ben.user)
    groups.add(ben.user, thread_id, [dora])
    db.session.commit()
    ana.post_form(f"/messages/thread/{thread_id}/send", {"message": "Hello, both"})
    request_deletion(ana)
    wait_days(14)
    page = cleo.get(f"/messages/thread/{thread_id}").text
    assert "Hello, both" in page and "Deleted account" in page
    assert not re.search(r"@ana\b", page)
    assert cleo.post_form(f"/messages/thread/{thread_id}/send", {"message": "Bye"}).status_code == 303


def test_conversation_is_deleted_when_both_accounts_are_deleted(ana, as_, db, wait_days):
    cleo = as_("cleo")
    a_message(ana.user, cleo.user)
    for browser in (ana, cleo):
        request_deletion(browser)
    wait_days(14)
    assert db.session.scalars(select(Message)).all() == db.session.scalars(select(Conversation)).all() == []


def test_interrupted_deletion_job_is_completed_by_the_next_run(ana, db, run_jobs, wait_days, monkeypatch):
    """As when the worker is killed: each transaction is whole, and the next run does the rest, once."""
    monkeypatch.setattr(deletion, "BATCH", 2)
    monkeypatch.setattr(message_deletion, "BATCH", 2)
    ben, user_id = db.session.scalars(select(User).where(User.username == "ben")).one(), ana.user.id
    create_data(ana.user, ben, db)
    request_deletion(ana)
    db.session.get_one(User, user_id).deletion_due_at = now()
    db.session.commit()
    steps, runs = [*account_deletion.steps(), deletion.erase], 0
    while db.session.get(User, user_id) is not None:
        next(step for step in steps if step(user_id))  # one small part, and then the process is gone
        db.session.commit()
        db.session.expire_all()
        runs += 1
        if runs == 10:
            break
    assert rows_of_user(db, user_id)
    wait_days(0)
    wait_days(0)
    assert rows_of_user(db, user_id) == {}
    assert db.session.scalars(select(Job.state).where(Job.name == "accounts.delete_due")).all() == ["done", "done"]


def test_no_other_account_is_deleted(ana, as_, db, wait_days):
    cleo = as_("cleo")
    request_deletion(ana)
    request_deletion(cleo)
    db.session.get_one(User, cleo.user.id).deletion_due_at = now() + timedelta(days=30)
    db.session.commit()
    wait_days(14)
    assert sorted(db.session.scalars(select(User.username))) == ["ben", "cleo"]
