"""New words for what was sent: by whom, until when, and who is told."""

from __future__ import annotations

import pytest

from app.queries import unread
from tests.factories import a_message
from tests.support.changed_messages import SCRIPT, address, age, conversation, messages, published_state, send
from tests.support.pictures import picture, send_pictures

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


def test_edited_message_is_marked_as_edited_for_both_members(ana, ben, db, assert_counters_correct):
    send(ana, "see you at nine")
    answer = ana.post_form(address(db, 1, "edit"), {"message": "  see you at ten  "})
    assert answer.status_code == 303
    (message,) = messages(db)
    assert (message.body, message.edited_at is not None, message.revision) == ("see you at ten", True, 1)
    for browser, other in ((ana, "ben"), (ben, "ana")):
        page = browser.get(f"/messages/{other}").text
        assert "at ten" in page and "at nine" not in page and ">Edited<" in page
        assert published_state(db, browser, "conversation")["revision"] == 1
    assert unread.message_count(ben.user.id) == 1
    assert_counters_correct(ana, ben)


def test_edited_message_is_indexed_with_its_new_text(ana, ben, db):
    send(ana, "apples")
    before = messages(db)[0].search_text
    ana.post_form(address(db, 1, "edit"), {"message": "Pears"})
    assert messages(db)[0].search_text == before.replace("apples", "pears")


def test_message_without_letters_can_be_edited(ana, db):
    send(ana, "!!!")
    ana.post_form(address(db, 1, "edit"), {"message": "???"})
    assert [message.body for message in messages(db)] == ["???"]


def test_unchanged_text_is_not_an_edit(ana, db):
    send(ana, "see you at nine")
    age(db, 3600)
    assert ana.post_form(address(db, 1, "edit"), {"message": "see you at nine "}).status_code == 303
    assert (messages(db)[0].edited_at, conversation(db).revision) == (None, 0)


@pytest.mark.parametrize("words", ["", " \u200b", "eleven char"])
def test_invalid_edit_is_rejected_and_the_text_is_kept(ana, db, configure, words):
    configure(MESSAGE_MAX_LENGTH=10)
    send(ana, "nine")
    answer = ana.post_form(address(db, 1, "edit"), {"message": words})
    assert answer.status_code == 422
    assert words in answer.text
    assert (messages(db)[0].body, messages(db)[0].edited_at) == ("nine", None)
    answer = ana.post_form(address(db, 1, "edit"), {"message": words}, headers=SCRIPT)
    assert answer.status_code == 422 and answer.json["error"]


def test_message_can_be_edited_without_javascript(ana, db):
    send(ana, "see you at nine")
    answer = ana.submit(address(db, 1, "edit"), {"message": "see you at ten"}, action=address(db, 1, "edit"))
    assert answer.status_code == 303
    assert messages(db)[0].body == "see you at ten"


def test_script_request_gets_an_empty_response(ana, db):
    send(ana, "see you at nine")
    answer = ana.post_form(address(db, 1, "edit"), {"message": "see you at ten"}, headers=SCRIPT)
    assert (answer.status_code, answer.data) == (204, b"")


def test_message_cannot_be_edited_after_15_minutes(ana, db):
    send(ana, "see you at nine")
    age(db, 14 * 60)
    ana.post_form(address(db, 1, "edit"), {"message": "see you at ten"})
    age(db, 2 * 60)
    answer = ana.post_form(address(db, 1, "edit"), {"message": "see you at eleven"})
    assert answer.status_code == 422
    assert "too late" in answer.text and "see you at eleven" in answer.text
    assert messages(db)[0].body == "see you at ten"


def test_blocked_sender_cannot_edit_but_can_undo_and_delete(ana, ben, db):
    send(ana, "nice words")
    send(ana, "more of them")
    assert ben.post_form("/block/ana").status_code == 303
    answer = ana.post_form(address(db, 1, "edit"), {"message": "ugly words"})
    assert answer.status_code == 422
    assert "You can&#39;t message this person." in answer.text and "ugly words" in answer.text
    assert messages(db)[0].body == "nice words"
    assert ana.post_form(address(db, 2, "undo"), headers=SCRIPT).status_code == 200
    assert ana.post_form(address(db, 1, "delete"), {"scope": "everybody"}).status_code == 303
    assert [message.body for message in messages(db)] == ["", ""]


def test_text_of_an_image_message_can_be_removed(ana, db, own_folder):
    send_pictures(ana, [picture()], message="words")
    assert ana.post_form(address(db, 1, "edit"), {"message": ""}).status_code == 303
    assert messages(db)[0].body == ""
    assert messages(db)[0].edited_at is not None


def test_editing_takes_a_constant_number_of_statements(ana, ben, db, queries):
    for number in range(3):
        a_message(ana.user, ben.user, f"message {number}")
    ana.get("/explore")  # when she was last here is written now, and not again for some minutes
    with queries() as few:
        ana.post_form(address(db, 3, "edit"), {"message": "edited"}, headers=SCRIPT)
    for number in range(20):
        a_message(ana.user, ben.user, f"more {number}")
    with queries() as many:
        ana.post_form(address(db, 20, "edit"), {"message": "edited"}, headers=SCRIPT)
    assert len(few) == len(many), many
