"""Taking back what was just sent, as if it never had been."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.models import Activity
from app.queries import unread
from tests.support.changed_messages import SCRIPT, address, age, conversation, member_of, messages, send, told


def test_what_was_just_sent_is_taken_back_as_if_it_never_had_been(ana, ben, db, fits, run_jobs, mails):
    send(ana, "first")
    send(ana, "secret")
    answer = ana.post_form(address(db, 2, "undo"))
    assert answer.status_code == 303
    assert "secret" in ana.follow(answer).text  # where she writes
    assert "secret" not in ben.get("/messages/ana").text + ben.get("/messages").text
    assert [(message.kind, message.body, message.search_text) for message in messages(db)][1] == ("undone", "", "")
    assert member_of(db, ana).draft == "secret"
    assert unread.message_count(ben.user.id) == told(db, ben, "unread_message_count") == 1
    for browser in (ana, ben):
        state = told(db, browser, "conversation")
        assert (state["last_message_id"], state["revision"]) == (messages(db)[0].id, 1)
    fits(ana, ben)
    run_jobs(advance=60)
    (mail,) = mails
    assert "secret" not in mail.text + mail.html
    assert "New message from" in mail.subject


def test_a_page_that_is_open_hears_that_it_is_gone(ana, ben, db):
    send(ana, "first")
    send(ana, "secret")
    ana.post_form(address(db, 2, "undo"))
    news = ben.get("/messages/ana/new?after=2&revision=0&first=1").text
    assert 'data-seq="2"' in news and "secret" not in news


def test_taking_back_twice_changes_nothing_and_loses_nothing(ana, ben, db, fits):
    send(ana, "secret")
    first = ana.post_form(address(db, 1, "undo"), headers=SCRIPT)
    assert (first.status_code, first.json) == (200, {"text": "secret", "draft": "secret"})
    again = ana.post_form(address(db, 1, "undo"), headers={"Accept": "application/json"})
    assert (again.status_code, again.json) == (200, {"text": "", "draft": "secret"})
    assert conversation(db).revision == 1
    fits(ana, ben)


def test_what_was_begun_after_it_is_kept(ana, db):
    send(ana, "secret")
    ana.post_form("/messages/ben/draft", {"message": "meanwhile", "own_seq": 1})
    answer = ana.post_form(address(db, 1, "undo"), headers=SCRIPT)
    assert answer.json == {"text": "secret", "draft": "secret\n\nmeanwhile"}
    assert member_of(db, ana).draft == "secret\n\nmeanwhile"


def test_a_draft_is_kept_after_a_message_was_taken_back(ana, db):
    """The page knows no number of a message that is gone."""
    send(ana, "first")
    send(ana, "secret")
    ana.post_form(address(db, 2, "undo"))
    ana.post_form("/messages/ben/draft", {"message": "better words", "own_seq": 1})
    assert member_of(db, ana).draft == "better words"


def test_it_is_too_late_after_some_seconds(ana, ben, db, fits):
    send(ana, "first")
    age(db, 14)  # asked in time, it was some seconds on its way
    assert ana.post_form(address(db, 1, "undo"), headers=SCRIPT).status_code == 200
    send(ana, "second")
    age(db, 16)
    answer = ana.post_form(address(db, 2, "undo"), headers=SCRIPT)
    assert answer.status_code == 422 and "too late" in answer.json["error"]
    assert "too late" in ana.follow(ana.post_form(address(db, 2, "undo"))).text
    assert messages(db)[1].body == "second"
    fits(ana, ben)


def test_nobody_takes_back_or_changes_what_another_wrote(ana, ben, db):
    send(ana, "mine")
    for browser in (ben, ben):
        assert browser.post_form(address(db, 1, "undo")).status_code == 404
        assert browser.post_form(address(db, 1, "edit"), {"message": "theirs"}).status_code == 404
        assert browser.get(address(db, 1, "edit")).status_code == 404
        assert browser.post_form(address(db, 1, "delete"), {"scope": "everybody"}).status_code == 404
    assert [(message.body, message.kind, message.deleted_at) for message in messages(db)] == [("mine", "text", None)]


def test_who_is_not_in_the_conversation_changes_nothing(ana, as_, client, db):
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


def test_a_request_that_is_taken_back_never_was(as_, db, fits):
    ana, ben = as_("ana"), as_("ben")
    send(ana, "Hello, you do not know me")
    assert member_of(db, ben).state == "request"
    assert db.session.scalars(select(Activity.kind)).all() == ["message_request"]
    ana.post_form(address(db, 1, "undo"))
    assert {member_of(db, ben).state, member_of(db, ana).state} == {"new"}
    assert told(db, ben, "message_request_count") == unread.request_count(ben.user.id) == 0
    assert db.session.scalars(select(Activity)).all() == []
    assert "you do not know me" not in ben.get("/messages/requests").text + ben.get("/activity").text
    fits(ana, ben)
    send(ana, "Hello again")
    assert member_of(db, ben).state == "request"
    assert unread.request_count(ben.user.id) == 1
    assert db.session.scalars(select(Activity.kind)).all() == ["message_request"]


def test_who_declined_what_was_taken_back_is_not_asked_again(as_, db):
    ana, ben = as_("ana"), as_("ben")
    send(ana, "Hello, you do not know me")
    ben.post_form(f"/messages/thread/{conversation(db).id}/decline")
    ana.post_form(address(db, 1, "undo"))
    send(ana, "Hello again")
    assert member_of(db, ben).state == "declined"
    assert unread.request_count(ben.user.id) == 0


def test_what_was_taken_back_waits_for_no_answer(as_, db, configure):
    """Who waits for an answer to a request may write only some messages."""
    configure(RATELIMIT_ENABLED=True)
    ana, _ben = as_("ana"), as_("ben")
    for seq in range(1, 5):
        send(ana, f"message {seq}")
        ana.post_form(address(db, seq, "undo"))
    send(ana, "At last")


def test_a_request_of_two_messages_is_still_one_when_the_second_is_taken_back(as_, db):
    ana, ben = as_("ana"), as_("ben")
    send(ana, "first")
    send(ana, "second")
    ana.post_form(address(db, 2, "undo"))
    assert (member_of(db, ben).state, member_of(db, ben).newest_message_id) == ("request", messages(db)[0].id)
    assert told(db, ben, "message_request_count") == 1


def test_a_conversation_goes_on_when_its_newest_message_is_taken_back(ana, ben, db, fits):
    send(ben, "hello", to="ana")
    send(ana, "secret")
    ana.post_form(address(db, 2, "undo"))
    assert {member_of(db, ben).state, member_of(db, ana).state} == {"accepted"}
    send(ben, "are you there?", to="ana")
    assert [message.seq for message in messages(db)] == [1, 2, 3]
    fits(ana, ben)


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
def test_two_who_take_back_and_edit_at_once(as_, ana, ben, db, fits):
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
    fits(ana, ben)


@pytest.mark.slow
def test_taken_back_while_it_is_read_and_answered(as_, ana, ben, db, fits):
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
    fits(ana, ben)
    assert unread.message_count(ben.user.id) == 0
    assert unread.message_count(ana.user.id) == 5
