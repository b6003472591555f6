"""Nothing is read that was not shown, and reading only moves forward."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.extensions import db as the_db
from app.messages import conversation_responses
from app.models import ConversationMember, User
from app.queries import people, unread
from tests.factories import a_message, a_user
from tests.support.sql import everything


@pytest.fixture
def ana(as_):
    """Somebody with three unread messages from ben."""
    browser = as_("ana")
    ben = a_user("ben")
    for number in range(1, 4):
        a_message(ben, browser.user, f"message {number}")
    return browser


def read_seq(db, person) -> int:
    return db.session.scalar(select(ConversationMember.read_seq).where(ConversationMember.user_id == person.id))


def read(browser, seq, **headers):
    return browser.post_form("/messages/ben/read", {"seq": seq}, headers=headers)


def test_showing_a_conversation_marks_nothing_read(ana, db):
    for _ in range(2):
        assert "message 3" in ana.get("/messages/ben").text
    assert unread.message_count(ana.user.id) == 3


def test_rendered_messages_are_marked_read(ana, db):
    assert read(ana, 2).status_code == 303
    assert read_seq(db, ana.user) == 2
    assert unread.message_count(ana.user.id) == 1


def test_script_request_gets_an_empty_response(ana):
    response = read(ana, 2, **{"X-Requested-With": "XMLHttpRequest"})
    assert (response.status_code, response.data) == (204, b"")


def test_read_position_only_moves_forward(ana, db):
    read(ana, 3)
    read(ana, 1)
    assert read_seq(db, ana.user) == 3


def test_read_position_is_capped_at_the_newest_message(ana, db):
    read(ana, 2**31 - 1)
    assert read_seq(db, ana.user) == 3
    ben = a_user("benno")
    a_message(ben, ana.user)
    assert unread.message_count(ana.user.id) == 1


@pytest.mark.parametrize("seq", ["", "x", "-1", "1.5", "99999999999999999999", "nan"])
def test_invalid_read_position_is_rejected(ana, db, seq):
    assert read(ana, seq).status_code == 400
    assert read_seq(db, ana.user) == 0


def test_marking_read_requires_a_csrf_token(ana, db):
    assert ana.post("/messages/ben/read", data={"seq": 3}).status_code == 400
    assert read_seq(db, ana.user) == 0


def test_replying_marks_the_rendered_messages_read(ana, db):
    response = ana.submit("/messages/ben", {"message": "an answer", "read_upto": "2"}, action="/send_message/ben")
    assert response.status_code == 303
    assert read_seq(db, ana.user) == 2


def test_page_contains_the_number_of_its_newest_message(ana, as_):
    page = ana.get("/messages/ben").text
    a_message(as_("ben").user, ana.user, "arrived meanwhile")
    assert 'data-newest-seq="3"' in page


def test_badge_is_on_every_page_and_is_cleared_by_reading(ana):
    for page in ("/messages", "/explore", "/user/ben"):
        assert 'data-badge="unread_message_count" data-count="3"' in ana.get(page).text
    read(ana, 3)
    for page in ("/messages", "/explore", "/user/ben"):
        assert 'data-badge="unread_message_count" data-count="0"' in ana.get(page).text


def test_own_messages_are_never_unread(ana, as_, db):
    ben = as_("ben")
    assert unread.message_count(ben.user.id) == 0
    a_message(ana.user, ben.user, "answer")
    assert unread.message_count(ben.user.id) == 1
    assert unread.message_count(ana.user.id) == 3


def test_get_requests_write_nothing(ana, db):
    before = everything()
    for path in (
        "/messages",
        "/messages/ben",
        "/messages/ben?before=3",
        "/messages/ben/new?after=1",
        "/send_message/ben",
        "/notifications",
        "/messages/ben/read",
    ):
        for _ in range(2):
            ana.get(path)
            ana.head(path)
    assert everything() == before


def counts_told(browser, since: float) -> list[int]:
    """The unread counts that a poll of this browser returns."""
    events = browser.get(f"/notifications?since={since!r}").get_json()
    return [event["data"] for event in events if event["name"] == "unread_message_count"]


@pytest.mark.parametrize(("upto", "left"), [(2, [1]), (3, [0]), (99, [0]), (0, []), ("", [])])
def test_replying_publishes_the_count_if_messages_were_read(ana, db, upto, left):
    since = time.time()
    assert ana.post_form("/send_message/ben", {"message": "an answer", "read_upto": upto}).status_code == 303
    assert counts_told(ana, since) == left


def test_replying_publishes_no_count_if_all_was_read(ana, db):
    read(ana, 3)
    ana.post_form("/send_message/ben", {"message": "one"})
    since = time.time()
    assert ana.post_form("/send_message/ben", {"message": "two", "read_upto": 4}).status_code == 303
    assert counts_told(ana, since) == []
    assert read_seq(db, ana.user) == 4  # over the own message, too


@pytest.mark.parametrize("again", [False, True])
def test_message_that_arrives_before_the_lock_is_marked_read_by_the_reply(ana, db, monkeypatch, again):
    """What is unread is decided while the membership is locked, also for a form that was submitted before."""
    form = {"message": "an answer", "form_key": "one", "read_upto": 3}
    ana.post_form("/send_message/ben", form)
    assert unread.message_count(ana.user.id) == 0
    real, ben_id, ana_id = conversation_responses.send_options, people.by_username("ben").id, ana.user.id

    def slow(form):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write_from_ben).result()
        return real(form)

    def write_from_ben() -> None:
        with ana.application.app_context():
            a_message(the_db.session.get_one(User, ben_id), the_db.session.get_one(User, ana_id), "meanwhile")

    monkeypatch.setattr(conversation_responses, "send_options", slow)
    since = time.time()
    second = form | {"read_upto": 5} | ({} if again else {"form_key": "two", "message": "another"})
    assert ana.post_form("/send_message/ben", second).status_code == 303
    assert counts_told(ana, since) == [0]


def test_position_of_the_other_members_stays_when_one_replies(ana, db):
    ana.post_form("/send_message/ben", {"message": "an answer", "read_upto": 3})
    assert read_seq(db, people.by_username("ben")) == 0
