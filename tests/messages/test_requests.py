"""The tray: a stranger's first message waits there without badge or mail, is read in peace, and is answered or not."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.messages.actions import groups, send_message
from app.models import Block, ConversationMember, User
from app.queries import unread
from tests.factories import a_follow, a_message, a_user, acquainted
from tests.support.rows import polled_states, rows, words


@pytest.fixture
def asked(as_, db):
    """Ana's browser, and the request of a stranger: ben."""
    ana, ben = as_("ana"), a_user("ben", name="Ben Benson")
    message = send_message(ben, ana.user, "Is the boat still for sale?")
    db.session.commit()
    ana.ben, ana.thread = ben, f"/messages/thread/{message.conversation_id}"
    return ana


def state(db, user: User) -> str:
    return db.session.scalar(select(ConversationMember.state).where(ConversationMember.user_id == user.id))


def request_rows(browser, path="/messages/requests") -> list[str]:
    return list(rows(browser.get(path).text).values())


def test_request_shows_its_sender_and_first_message(asked, db):
    (row,) = request_rows(asked)
    assert row.startswith("Ben Benson")
    assert "@ben" in row
    assert "Joined " in row
    assert "Not followed by anyone you follow" in row
    assert "Is the boat still for sale?" in row
    for number in range(2):
        friend = a_user(f"friend{number}")
        a_follow(asked.user, friend)
        a_follow(friend, asked.ben)
    a_follow(a_user("somebody"), asked.ben)
    assert "Followed by 2 people you follow" in request_rows(asked)[0]


def test_request_causes_no_message_badge_and_no_email(asked, mails, run_jobs):
    run_jobs(advance=3600)
    assert len(mails) == 0
    states = polled_states(asked)
    assert states["message_request_count"] == 1
    assert states.get("unread_message_count", 0) == 0


def test_reading_a_request_is_not_reported_to_the_sender(asked, as_, db):
    for person in (asked.user, asked.ben):
        person.receipts = True
    db.session.commit()
    ben = as_(asked.ben)
    before = ben.get("/notifications?since=0").json
    page = asked.get("/messages/ben")
    assert "Is the boat still for sale?" in page.text
    assert "wants to message you" in words(page.text)
    asked.post_form("/messages/ben/read", {"seq": 1})
    asked.post_form("/messages/delivered", {"timestamp": 9e9})
    assert ben.get("/notifications?since=0").json == before
    assert 'data-state="sent"' in ben.get("/messages/ana").text


def test_accepting_a_request_makes_it_a_conversation(asked, as_, db, mails, run_jobs):
    for person in (asked.user, asked.ben):
        person.receipts = True
    db.session.commit()
    answer = asked.submit("/messages/requests", action=f"{asked.thread}/accept")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/messages/ben")
    assert state(db, asked.user) == "accepted"
    states = polled_states(asked)
    assert (states["message_request_count"], states["unread_message_count"]) == (0, 1)
    assert request_rows(asked) == []
    assert "1 unread message" in next(iter(rows(asked.get("/messages").text).values()))
    assert "wants to message" not in words(asked.get("/messages/ben").text)
    run_jobs(advance=3600)
    assert [mail.envelope_to for mail in mails] == [["ana@example.org"]]
    asked.post_form("/messages/ben/read", {"seq": 1})
    assert polled_states(asked)["unread_message_count"] == 0
    assert 'data-state="read"' in as_(asked.ben).get("/messages/ana").text


def test_read_receipt_of_a_request_is_sent_after_accepting(asked, as_, db):
    for person in (asked.user, asked.ben):
        person.receipts = True
    db.session.commit()
    ben = as_(asked.ben)
    asked.post_form("/messages/ben/read", {"seq": 1})
    assert polled_states(ben)["conversation"]["read"] == 0
    asked.post_form(f"{asked.thread}/accept")
    assert polled_states(ben)["conversation"]["read"] == 1


def test_replying_to_a_request_accepts_it(asked, db):
    asked.post_form("/send_message/ben", {"message": "It is"})
    assert state(db, asked.user) == "accepted"
    states = polled_states(asked)
    assert states["message_request_count"] == 0


def test_declined_request_is_hidden_silently_and_can_be_accepted_later(asked, as_, db, mails, run_jobs):
    ben = as_(asked.ben)
    before, page = ben.get("/notifications?since=0").json, words(ben.get("/messages/ana").text)
    answer = asked.submit("/messages/requests", action=f"{asked.thread}/decline")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/messages/requests")
    assert request_rows(asked) == []
    assert polled_states(asked)["message_request_count"] == 0
    assert ben.get("/notifications?since=0").json == before
    assert words(ben.get("/messages/ana").text) == page
    send_message(asked.ben, asked.user, "Hello?")
    db.session.commit()
    assert request_rows(asked) == []  # who was declined cannot come back by writing again
    assert polled_states(asked)["message_request_count"] == 0
    (row,) = request_rows(asked, "/messages/requests?declined=1")
    assert "Hello?" in row
    assert "You declined this request." in words(asked.get("/messages/ben").text)
    asked.submit("/messages/requests?declined=1", action=f"{asked.thread}/accept")
    assert polled_states(asked)["unread_message_count"] == 2
    assert request_rows(asked, "/messages/requests?declined=1") == []


@pytest.mark.parametrize("deed", ["accept", "decline"])
def test_repeating_accept_or_decline_changes_nothing(asked, db, deed):
    for _ in range(2):
        assert asked.post_form(f"{asked.thread}/{deed}").status_code == 303
    assert state(db, asked.user) == {"accept": "accepted", "decline": "declined"}[deed]


def test_accepted_conversation_cannot_be_declined(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    message = a_message(ben, ana.user)
    ana.post_form(f"/messages/thread/{message.conversation_id}/decline")
    assert state(db, ana.user) == "accepted"
    assert polled_states(ana)["unread_message_count"] == 1


@pytest.mark.parametrize("deed", ["accept", "decline", "mute", "unmute"])
def test_other_members_cannot_accept_or_decline_a_request(asked, as_, db, deed):
    cleo = as_("cleo")
    assert cleo.post_form(f"{asked.thread}/{deed}").status_code == 404
    assert cleo.post_form(f"/messages/thread/99999999999/{deed}").status_code == 404
    assert state(db, asked.user) == "request"


def test_sender_cannot_accept_the_request(asked, as_, db):
    as_(asked.ben).post_form(f"{asked.thread}/accept")
    assert state(db, asked.user) == "request"


def test_blocking_removes_a_request_and_its_count(asked, db):
    asked.submit("/messages/requests", action="/block/ben")
    assert db.session.scalar(select(Block.blocker_id)) == asked.user.id
    assert request_rows(asked) == []
    assert polled_states(asked)["message_request_count"] == 0
    assert unread.request_count(asked.user.id) == 0
    asked.post_form("/unblock/ben")
    assert len(request_rows(asked)) == polled_states(asked)["message_request_count"] == 1


def test_request_stays_visible_if_its_sender_blocks_the_recipient(asked, as_):
    as_(asked.ben).post_form("/block/ana")
    assert len(request_rows(asked)) == 1


def test_stranger_can_invite_to_a_group_by_request(as_, db):
    founder, dora, ben = a_user("ana"), as_("dora"), a_user("ben", name="Ben")
    acquainted(founder, ben)
    group = groups.start(founder, [dora.user, ben], "Bakers", "Bread?")
    db.session.commit()
    (row,) = request_rows(dora)
    assert row.startswith("Bakers")
    assert "A group of 3 people" in row
    thread = f"/messages/thread/{group.id}"
    assert "You've been invited to this group." in words(dora.get(thread).text)
    answer = dora.submit("/messages/requests", action=f"{thread}/accept")
    assert answer.headers["Location"] == thread
    assert polled_states(dora)["unread_message_count"] == 1


def test_requests_page_takes_a_constant_number_of_statements(as_, db, queries):
    ana = as_("ana")
    counts = []
    for many in (1, 8):
        for number in range(many):
            send_message(a_user(f"stranger{many}{number}"), ana.user, "hello")
        db.session.commit()
        ana.get("/messages/requests")
        with queries() as asked:
            ana.get("/messages/requests")
        counts.append(len(asked))
    assert counts == [4, 4], asked
