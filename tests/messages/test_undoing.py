"""Taking back what was just sent, as if it never had been."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.models import Activity
from app.queries import unread
from tests.support.changed_messages import (
    SCRIPT,
    address,
    age,
    conversation,
    member_of,
    messages,
    published_state,
    send,
)


def test_undone_message_leaves_no_trace(ana, ben, db, assert_counters_correct, run_jobs, mails):
    send(ana, "first")
    send(ana, "secret")
    answer = ana.post_form(address(db, 2, "undo"))
    assert answer.status_code == 303
    assert "secret" in ana.follow(answer).text  # where she writes
    assert "secret" not in ben.get("/messages/ana").text + ben.get("/messages").text
    assert [(message.kind, message.body, message.search_text) for message in messages(db)][1] == ("undone", "", "")
    assert member_of(db, ana).draft == "secret"
    assert unread.message_count(ben.user.id) == published_state(db, ben, "unread_message_count") == 1
    for browser in (ana, ben):
        state = published_state(db, browser, "conversation")
        assert (state["last_message_id"], state["revision"]) == (messages(db)[0].id, 1)
    assert_counters_correct(ana, ben)
    run_jobs(advance=60)
    (mail,) = mails
    assert "secret" not in mail.text + mail.html
    assert "New message from" in mail.subject


def test_open_page_removes_an_undone_message(ana, ben, db):
    send(ana, "first")
    send(ana, "secret")
    ana.post_form(address(db, 2, "undo"))
    news = ben.get("/messages/ana/new?after=2&revision=0&first=1").text
    assert 'data-seq="2"' in news and "secret" not in news


def test_undoing_twice_changes_nothing(ana, ben, db, assert_counters_correct):
    send(ana, "secret")
    first = ana.post_form(address(db, 1, "undo"), headers=SCRIPT)
    assert (first.status_code, first.json) == (200, {"text": "secret", "draft": "secret"})
    again = ana.post_form(address(db, 1, "undo"), headers={"Accept": "application/json"})
    assert (again.status_code, again.json) == (200, {"text": "", "draft": "secret"})
    assert conversation(db).revision == 1
    assert_counters_correct(ana, ben)


def test_draft_started_after_sending_is_kept_on_undo(ana, db):
    send(ana, "secret")
    ana.post_form("/messages/ben/draft", {"message": "meanwhile", "own_seq": 1})
    answer = ana.post_form(address(db, 1, "undo"), headers=SCRIPT)
    assert answer.json == {"text": "secret", "draft": "secret\n\nmeanwhile"}
    assert member_of(db, ana).draft == "secret\n\nmeanwhile"


def test_draft_is_saved_after_an_undo(ana, db):
    """The page knows no number of a message that is gone."""
    send(ana, "first")
    send(ana, "secret")
    ana.post_form(address(db, 2, "undo"))
    ana.post_form("/messages/ben/draft", {"message": "better words", "own_seq": 1})
    assert member_of(db, ana).draft == "better words"


def test_message_cannot_be_undone_after_the_undo_window(ana, ben, db, assert_counters_correct):
    send(ana, "first")
    age(db, 14)  # asked in time, it was some seconds on its way
    assert ana.post_form(address(db, 1, "undo"), headers=SCRIPT).status_code == 200
    send(ana, "second")
    age(db, 16)
    answer = ana.post_form(address(db, 2, "undo"), headers=SCRIPT)
    assert answer.status_code == 422 and "too late" in answer.json["error"]
    assert "too late" in ana.follow(ana.post_form(address(db, 2, "undo"))).text
    assert messages(db)[1].body == "second"
    assert_counters_correct(ana, ben)


def test_member_cannot_undo_or_change_messages_of_others(ana, ben, db):
    send(ana, "mine")
    for browser in (ben, ben):
        assert browser.post_form(address(db, 1, "undo")).status_code == 404
        assert browser.post_form(address(db, 1, "edit"), {"message": "theirs"}).status_code == 404
        assert browser.get(address(db, 1, "edit")).status_code == 404
        assert browser.post_form(address(db, 1, "delete"), {"scope": "everybody"}).status_code == 404
    assert [(message.body, message.kind, message.deleted_at) for message in messages(db)] == [("mine", "text", None)]


def test_nonmembers_cannot_change_a_conversation(ana, as_, client, db):
    send(ana, "mine")
    cleo = as_("cleo")
    for act, fields in (("undo", {}), ("edit", {"message": "x"}), ("delete", {"scope": "me"})):
        assert cleo.post_form(address(db, 1, act), fields).status_code == 404
        assert ana.post_form(address(db, 7, act), fields).status_code == 404
        assert ana.post_form(address(db, 2**31, act), fields).status_code in {404, 405}
        assert ana.post(address(db, 1, act), data=fields).status_code == 400  # no token
        assert client.post_form(address(db, 1, act), fields).status_code == 302
    assert cleo.get(address(db, 1, "edit")).status_code == 404
    assert [message.body for message in messages(db)] == ["mine"]


def test_undone_request_leaves_no_trace(as_, db, assert_counters_correct):
    ana, ben = as_("ana"), as_("ben")
    send(ana, "Hello, you do not know me")
    assert member_of(db, ben).state == "request"
    assert db.session.scalars(select(Activity.kind)).all() == ["message_request"]
    ana.post_form(address(db, 1, "undo"))
    assert {member_of(db, ben).state, member_of(db, ana).state} == {"new"}
    assert published_state(db, ben, "message_request_count") == unread.request_count(ben.user.id) == 0
    assert db.session.scalars(select(Activity)).all() == []
    assert "you do not know me" not in ben.get("/messages/requests").text + ben.get("/activity").text
    assert_counters_correct(ana, ben)
    send(ana, "Hello again")
    assert member_of(db, ben).state == "request"
    assert unread.request_count(ben.user.id) == 1
    assert db.session.scalars(select(Activity.kind)).all() == ["message_request"]


def test_request_sent_again_after_undo_stays_declined(as_, db):
    ana, ben = as_("ana"), as_("ben")
    send(ana, "Hello, you do not know me")
    ben.post_form(f"/messages/thread/{conversation(db).id}/decline")
    ana.post_form(address(db, 1, "undo"))
    send(ana, "Hello again")
    assert member_of(db, ben).state == "declined"
    assert unread.request_count(ben.user.id) == 0


def test_undone_messages_do_not_count_toward_the_request_limit(as_, db, configure):
    """Who waits for an answer to a request may write only some messages."""
    configure(RATELIMIT_ENABLED=True)
    ana, _ben = as_("ana"), as_("ben")
    for seq in range(1, 5):
        send(ana, f"message {seq}")
        ana.post_form(address(db, seq, "undo"))
    send(ana, "At last")


def test_request_remains_if_its_second_message_is_undone(as_, db):
    ana, ben = as_("ana"), as_("ben")
    send(ana, "first")
    send(ana, "second")
    ana.post_form(address(db, 2, "undo"))
    assert (member_of(db, ben).state, member_of(db, ben).newest_message_id) == ("request", messages(db)[0].id)
    assert published_state(db, ben, "message_request_count") == 1


def test_conversation_continues_after_its_newest_message_is_undone(ana, ben, db, assert_counters_correct):
    send(ben, "hello", to="ana")
    send(ana, "secret")
    ana.post_form(address(db, 2, "undo"))
    assert {member_of(db, ben).state, member_of(db, ana).state} == {"accepted"}
    send(ben, "are you there?", to="ana")
    assert [message.seq for message in messages(db)] == [1, 2, 3]
    assert_counters_correct(ana, ben)


def at_once(db, *posts) -> list:
    """Let these browsers post at the same time; their answers. (browser, address, fields)"""
    prepared = [(browser, path, {"csrf_token": browser.csrf_token(), **fields}) for browser, path, fields in posts]
    gate = threading.Barrier(len(posts))

    def run(one):
        browser, path, fields = one
        gate.wait()
        return browser.post(path, data=fields, headers=SCRIPT)

    with ThreadPoolExecutor(len(posts)) as pool:
        answers = list(pool.map(run, prepared))
    db.session.commit()
    db.session.expire_all()
    return answers


@pytest.mark.slow
def test_concurrent_undo_and_edit_succeed_once(as_, ana, ben, db, assert_counters_correct):
    send(ben, "hello", to="ana")
    tabs = [as_(ana.user) for _ in range(3)]
    for seq in range(2, 7):
        send(ana, f"message {seq}")
        acts = [("undo", {}), ("undo", {}), ("edit", {"message": "edited"})]
        posts = [(tab, address(db, seq, act), fields) for tab, (act, fields) in zip(tabs, acts, strict=True)]
        answers = at_once(db, *posts)
        assert [answer.status_code for answer in answers[:2]] == [200, 200]
        assert answers[2].status_code in {204, 404}
        assert sorted(bool(answer.json["text"]) for answer in answers[:2]) == [False, True]
    assert [message.kind for message in messages(db)] == ["text"] + ["undone"] * 5
    assert_counters_correct(ana, ben)


@pytest.mark.slow
def test_message_can_be_undone_while_it_is_read_and_answered(as_, ana, ben, db, assert_counters_correct):
    reader = as_(ben.user)
    for seq in range(1, 11, 2):
        send(ana, f"message {seq}")
        answers = at_once(
            db,
            (ana, address(db, seq, "undo"), {}),
            (reader, "/messages/ana/read", {"seq": seq}),
            (ben, "/send_message/ana", {"message": f"answer {seq}"}),
        )
        assert [answer.status_code for answer in answers] == [200, 204, 303]
    assert_counters_correct(ana, ben)
    assert unread.message_count(ben.user.id) == 0
    assert unread.message_count(ana.user.id) == 5
