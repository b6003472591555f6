"""New words for what was sent: by whom, until when, and who is told."""

from __future__ import annotations

import pytest

from app.queries import unread
from tests.factories import a_message
from tests.support.changed_messages import SCRIPT, address, age, conversation, messages, send, told
from tests.support.pictures import picture, send_pictures

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


def test_an_edited_message_says_so_to_both(ana, ben, db, fits):
    send(ana, "see you at nine")
    answer = ana.post_form(address(db, 1, "edit"), {"message": "  see you at ten  "})
    assert answer.status_code == 303
    (message,) = messages(db)
    assert (message.body, message.edited_at is not None, message.revision) == ("see you at ten", True, 1)
    for browser, other in ((ana, "ben"), (ben, "ana")):
        page = browser.get(f"/messages/{other}").text
        assert "at ten" in page and "at nine" not in page and ">Edited<" in page
        assert told(db, browser, "conversation")["revision"] == 1
    assert unread.message_count(ben.user.id) == 1
    fits(ana, ben)


def test_it_is_found_by_its_new_words_and_by_the_same_people(ana, ben, db):
    send(ana, "apples")
    before = messages(db)[0].search_text
    ana.post_form(address(db, 1, "edit"), {"message": "Pears"})
    assert messages(db)[0].search_text == before.replace("apples", "pears")


def test_a_message_may_be_without_words(ana, db):
    send(ana, "!!!")
    ana.post_form(address(db, 1, "edit"), {"message": "???"})
    assert [message.body for message in messages(db)] == ["???"]


def test_the_same_words_are_no_edit(ana, db):
    send(ana, "see you at nine")
    age(db, 3600)
    assert ana.post_form(address(db, 1, "edit"), {"message": "see you at nine "}).status_code == 303
    assert (messages(db)[0].edited_at, conversation(db).revision) == (None, 0)


@pytest.mark.parametrize("words", ["", " \u200b", "eleven char"])
def test_what_could_not_be_sent_is_no_edit_either_and_stays_in_the_form(ana, db, configure, words):
    configure(MESSAGE_MAX_LENGTH=10)
    send(ana, "nine")
    answer = ana.post_form(address(db, 1, "edit"), {"message": words})
    assert answer.status_code == 422
    assert words in answer.text
    assert (messages(db)[0].body, messages(db)[0].edited_at) == ("nine", None)
    answer = ana.post_form(address(db, 1, "edit"), {"message": words}, headers=SCRIPT)
    assert answer.status_code == 422 and answer.json["error"]


def test_editing_without_scripts(ana, db):
    send(ana, "see you at nine")
    answer = ana.submit(address(db, 1, "edit"), {"message": "see you at ten"}, action=address(db, 1, "edit"))
    assert answer.status_code == 303
    assert messages(db)[0].body == "see you at ten"


def test_a_script_gets_no_page(ana, db):
    send(ana, "see you at nine")
    answer = ana.post_form(address(db, 1, "edit"), {"message": "see you at ten"}, headers=SCRIPT)
    assert (answer.status_code, answer.data) == (204, b"")


def test_it_is_too_late_to_edit_after_a_quarter_of_an_hour(ana, db):
    send(ana, "see you at nine")
    age(db, 14 * 60)
    ana.post_form(address(db, 1, "edit"), {"message": "see you at ten"})
    age(db, 2 * 60)
    answer = ana.post_form(address(db, 1, "edit"), {"message": "see you at eleven"})
    assert answer.status_code == 422
    assert "too late" in answer.text and "see you at eleven" in answer.text
    assert messages(db)[0].body == "see you at ten"


def test_who_is_blocked_brings_no_new_words_and_can_take_back_the_old(ana, ben, db):
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


def test_a_picture_may_lose_its_words_but_words_cannot(ana, db, own_folder):
    send_pictures(ana, [picture()], message="words")
    assert ana.post_form(address(db, 1, "edit"), {"message": ""}).status_code == 303
    assert messages(db)[0].body == ""
    assert messages(db)[0].edited_at is not None


def test_changing_costs_a_known_number_of_questions(ana, ben, db, queries):
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
