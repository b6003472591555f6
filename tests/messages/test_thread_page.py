"""The page of a conversation: what it shows of each message, and what an open one is given."""

from __future__ import annotations

import re

import pytest

from app.messages.actions import mark_delivered, mark_read
from app.messages.queries.conversations import between
from app.models import Block, Message
from tests.factories import a_message, a_user


def state_of(page: str, seq: int) -> str | None:
    """How far the page says that a message has come."""
    bubble = page.split(f'data-seq="{seq}"')[1].split("data-seq=")[0]
    found = re.search(r'data-state="(\w+)"', bubble)
    return found[1] if found else None


@pytest.mark.slow
def test_conversation_page_takes_three_statements_for_any_length(as_, db, queries):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    ana.get("/messages/ben")
    with queries() as few:
        ana.get("/messages/ben")
    for number in range(30):
        a_message(ben if number % 2 else ana.user, ana.user if number % 2 else ben, f"message {number}")
    with queries() as many:
        ana.get("/messages/ben")
    with queries() as fragment:
        ana.get("/messages/ben/new?after=3&revision=0&first=1")
    assert len(few) == len(many) == 3, many
    assert len(fragment) == 3, fragment


def test_message_states_show_delivery_and_reading(as_, db):
    ana, ben = as_("ana"), a_user("ben", receipts=True)
    ana.user.receipts = True
    for number in range(3):
        a_message(ana.user, ben, f"message {number}")
    conversation = between(ana.user, ben)
    mark_read(ben, conversation, 1)
    db.session.commit()
    page = ana.get("/messages/ben").text
    assert [state_of(page, seq) for seq in (1, 2, 3)] == ["read", "sent", "sent"]
    mark_delivered(ben, 1e11)
    db.session.commit()
    page = ana.get("/messages/ben").text
    assert [state_of(page, seq) for seq in (1, 2, 3)] == ["read", "delivered", "delivered"]
    ben.receipts = False
    page = ana.get("/messages/ben").text
    assert [state_of(page, seq) for seq in (1, 2, 3)] == ["sent", "sent", "sent"]
    assert ana.get("/explore").text.count("data-delivered-url") == 1


def test_delivery_is_not_reported_without_read_receipts(as_):
    assert "data-delivered-url" not in as_("ana").get("/explore").text


def test_open_page_gets_changed_messages_separately_from_new_ones(as_, db):
    ana, ben = as_("ana"), as_("ben")
    for text in ("edited", "undone", "deleted", "new"):
        a_message(ana.user, ben.user, text)
    conversation = between(ana.user, ben.user)
    place = f"/messages/thread/{conversation.id}"
    ana.post_form(f"{place}/1/edit", {"message": "better"})
    ana.post_form(f"{place}/2/undo")
    ana.post_form(f"{place}/3/delete", {"scope": "everybody"})
    fresh, changed = ben.get("/messages/ana/new?after=3&revision=0&first=1").text.split("<template data-changed")
    assert "new" in fresh
    assert "better" not in fresh
    assert re.search(r'data-seq="1".*better.*edited.*data-seq="2" data-gone.*data-seq="3"', changed, re.DOTALL)
    assert "This message was deleted." in changed
    assert 'data-revision="3"' in changed
    page = ben.get("/messages/ana").text
    assert 'data-revision="3"' in page
    assert 'data-seq="2"' not in page
    later = ben.get("/messages/ana/new?after=4&revision=3&first=1").text
    assert "data-seq" not in later


def test_page_shows_that_writing_is_not_possible_and_keeps_the_draft(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    ana.post_form("/messages/ben/draft", {"message": "half a thought", "own_seq": 1})
    db.session.add(Block(blocker_id=ben.id, blocked_id=ana.user.id))
    db.session.commit()
    page = ana.get("/messages/ben").text
    assert "You can&#39;t message this person." in page
    assert re.search(r"<textarea[^>]* readonly[^>]*>half a thought</textarea>", page)
    assert "data-message-form" not in page
    answer = ana.post_form("/send_message/ben", {"message": "a whole thought"})
    assert answer.status_code == 422
    assert "a whole thought</textarea>" in answer.text


def test_message_actions_are_offered_only_while_allowed(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    message = a_message(ana.user, ben, "mine")
    a_message(ben, ana.user, "theirs")
    page = ana.get("/messages/ben").text
    assert page.count("/undo") == page.count("/1/edit") == page.count('value="everybody"') == 1
    assert page.count('value="me"') == 2
    old = db.session.get_one(Message, message.id)
    old.created_at = old.created_at.replace(year=2020)
    db.session.commit()
    page = ana.get("/messages/ben").text
    assert page.count("/undo") == page.count("/1/edit") == page.count('value="everybody"') == 0
    assert page.count('value="me"') == 2


def test_edit_page_contains_the_text_and_redirects_back(as_):
    ana, ben = as_("ana"), as_("ben")
    message = a_message(ana.user, ben.user, "see you at <nien>")
    place = f"/messages/thread/{message.conversation_id}/1/edit"
    assert "see you at &lt;nien&gt;</textarea>" in ana.get(place).text
    response = ana.submit(place, {"message": "see you at nine"}, action=place)
    assert response.headers["Location"].endswith("/messages/ben")
    assert "see you at nine" in ben.get("/messages/ana").text
    assert ben.get(place).status_code == 404


def test_divider_of_new_messages_does_not_count_deleted_ones(as_):
    ana, ben = as_("ana"), as_("ben")
    for text in ("kept", "deleted"):
        a_message(ben.user, ana.user, text)
    ben.post_form(f"/messages/thread/{between(ana.user, ben.user).id}/2/delete", {"scope": "everybody"})
    assert "1 new message" in ana.get("/messages/ben").text


def test_mark_as_read_button_is_shown_for_messages_of_others(as_):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ana.user, ben, "mine")
    assert "Mark as read" not in ana.get("/messages/ben").text
    a_message(ben, ana.user, "theirs")
    assert "Mark as read" in ana.get("/messages/ben").text


def test_blocker_sees_why_writing_is_not_possible(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    db.session.add(Block(blocker_id=ana.user.id, blocked_id=ben.id))
    db.session.commit()
    closed = ana.get("/messages/ben").text.split('class="closed"')[1]
    assert "You blocked" in closed
    assert "You blocked" not in as_("ben").get("/messages/ana").text
