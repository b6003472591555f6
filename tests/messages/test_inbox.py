"""The list of conversations: what each row says, in which order, and at what price."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.messages.actions import edit_undo_delete, groups, send_message
from app.models import Block, ConversationMember, Message, MessageImage
from tests.factories import a_message, a_user, acquainted
from tests.support.rows import rows

MAX_STATEMENTS = 3  # statements: the visit, the rows, the people in them


def the_row(browser, path="/messages") -> str:
    (row,) = rows(browser.get(path).text).values()
    return row


def test_inbox_row_shows_name_last_message_and_unread_count(as_, db):
    ana, ben = as_("ana"), a_user("ben", name="Ben Benson")
    for text in ("one", "two", "See you at nine"):
        a_message(ben, ana.user, text)
    row = the_row(ana)
    assert row.startswith("Ben Benson @ben")
    assert "See you at nine" in row
    assert "3 unread messages" in row
    assert "one" not in row.replace("3 unread", "")
    ana.post_form("/messages/ben/read", {"seq": 3})
    assert "unread" not in the_row(ana)


def test_own_message_is_marked_in_the_inbox(as_, db):
    ana, ben = as_("ana"), as_("ben")
    a_message(ana.user, ben.user, "I said so")
    assert "You: I said so" in the_row(ana)
    assert "You:" not in the_row(ben)


@pytest.mark.parametrize(("pictures", "said"), [(1, "Image"), (3, "3 images")])
def test_message_with_images_only_is_described_in_the_inbox(as_, db, pictures, said):
    ana, ben = as_("ana"), a_user("ben")
    message = a_message(ben, ana.user, "not shown")
    for position in range(pictures):
        db.session.add(
            MessageImage(message_id=message.id, position=position, file=f"{position}.webp", width=10, height=10)
        )
    message.body = ""
    db.session.commit()
    assert said in the_row(ana)
    assert "not shown" not in the_row(ana)


def test_deleted_message_is_described_in_the_inbox(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    message = a_message(ben, ana.user, "regretted")
    edit_undo_delete.delete_for_everyone(ben, message.conversation_id, message.seq, kept_for=timedelta(days=14))
    db.session.commit()
    assert "This message was deleted." in the_row(ana)
    assert "regretted" not in the_row(ana)


def test_draft_is_shown_in_the_inbox_until_it_is_sent(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user, "Well?")
    ana.post_form("/messages/ben/draft", {"message": "Let me think", "own_seq": 0})
    assert "Draft: Let me think" in the_row(ana)
    assert "Well?" not in the_row(ana)
    assert "Draft" not in the_row(as_(ben))
    ana.post_form("/send_message/ben", {"message": "Yes"})
    assert "Draft" not in the_row(ana)


def test_group_row_shows_the_group_name_or_its_members(as_, db):
    ana = as_("ana")
    people = [a_user(name, name=name.title()) for name in ("ben", "cleo", "dora")]
    for person in people:
        acquainted(ana.user, person)
    group = groups.start(ana.user, people, "", "Bread?")
    db.session.commit()
    assert the_row(ana).startswith("Ben, Cleo, and Dora")
    assert "You: Bread?" in the_row(ana)
    assert "ana: Bread?" in the_row(as_(people[0]))
    groups.rename(ana.user, group.id, "Bakers")
    db.session.commit()
    assert the_row(ana).startswith("Bakers")
    assert "You named the group Bakers" in the_row(ana)


def test_blocked_members_group_message_is_collapsed_in_the_inbox(as_, db):
    ana, ben, cleo = as_("ana"), a_user("ben"), a_user("cleo")
    acquainted(ana.user, ben)
    acquainted(ana.user, cleo)
    acquainted(ben, cleo)
    groups.start(ben, [ana.user, cleo], "", "unpleasant words")
    assert "unpleasant words" in the_row(ana)
    db.session.add(Block(blocker_id=ana.user.id, blocked_id=ben.id))
    db.session.commit()
    assert "unpleasant words" not in the_row(ana)
    assert "Message from someone you blocked" in the_row(ana)


def test_conversation_remains_after_the_other_account_is_deleted(as_, db):
    ana, ben = as_("ana"), a_user("ben", name="Ben Benson")
    message = a_message(ben, ana.user, "Farewell")
    db.session.delete(db.session.get(type(ben), ben.id))
    db.session.commit()
    page = ana.get("/messages").text
    (row,) = rows(page).values()
    assert row.startswith("Deleted account")
    assert "Farewell" in row
    assert f'href="/messages/thread/{message.conversation_id}"' in page


def test_request_is_not_listed_in_the_inbox(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    send_message(ben, ana.user, "You do not know me")
    db.session.commit()
    page = ana.get("/messages").text
    assert rows(page) == {}
    assert "1 pending request" in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize("many", [1, 12])
def test_inbox_takes_the_same_number_of_statements_for_any_length(as_, db, queries, many):
    ana = as_("ana")
    for number in range(many):
        person = a_user(f"person{number}")
        a_message(person, ana.user, "hello")
    stranger = a_user("stranger")
    send_message(stranger, ana.user, "hello")
    db.session.commit()
    ana.get("/messages")  # the day's first visit is noted
    with queries() as asked:
        page = ana.get("/messages").text
    assert len(rows(page)) == many
    assert len(asked) == MAX_STATEMENTS, asked


def test_empty_inbox_takes_no_more_statements(as_, queries):
    ana = as_("ana")
    ana.get("/messages")
    with queries() as asked:
        assert ana.get("/messages").status_code == 200
    assert len(asked) <= MAX_STATEMENTS, asked


def test_inbox_pages_have_no_gaps_or_repeats(as_, db, configure):
    configure(POSTS_PER_PAGE=2)
    ana = as_("ana")
    names = ["ben", "cleo", "dora", "emil", "fia"]
    for name in names:
        a_message(a_user(name), ana.user)
    seen, path = [], "/messages"
    while path:
        page = ana.get(path).text
        seen += [row.split(" ")[0] for row in rows(page).values()]
        link = re.search(r'href="(/messages\?before=\d+)"', page)
        path = link[1] if link else None
    assert seen == names[::-1]


def test_hiding_the_last_message_changes_only_the_members_own_inbox_row(as_, db):
    """Each side has its own newest message: what one deleted for themselves is not in their list."""
    ana, ben = as_("ana"), as_("ben")
    a_message(ben.user, ana.user, "first")
    a_message(ben.user, ana.user, "second")
    message = db.session.scalar(select(Message).where(Message.body == "second"))
    edit_undo_delete.delete_for_me(ana.user, message.conversation_id, message.seq)
    db.session.commit()
    assert "first" in the_row(ana)
    assert "second" in the_row(ben)


def test_visitors_are_redirected_to_login(client, db):
    for path in ("/messages", "/messages/requests", "/messages/search?q=a", "/messages/write", "/messages/recipients"):
        assert "/auth/login" in client.get(path).headers.get("Location", ""), path
    assert db.session.scalars(select(ConversationMember)).all() == []
