"""Writing to somebody through the pages."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.core.exceptions import ActionError
from app.messages import actions
from app.models import Conversation, ConversationMember, Job, Message
from tests.factories import a_message, a_user, acquainted
from tests.support.forms import forms_of


def bodies(db) -> list[str]:
    return list(db.session.scalars(select(Message.body).order_by(Message.id)))


def test_message_is_sent_and_shown_to_the_recipient(as_, db):
    ana, ben = as_("ana"), as_("ben")
    acquainted(ana.user, ben.user)
    response = ana.submit("/messages/ben", {"message": "Hello Ben"}, action="/send_message/ben")
    assert response.status_code == 303
    assert response.headers["Location"].endswith("/messages/ben")
    assert "Hello Ben" in ana.follow(response).text
    assert "Hello Ben" in ben.get("/messages/ana").text
    assert "Hello Ben" in ben.get("/messages").text


def test_send_message_url_of_the_tutorial_redirects_to_the_conversation(as_):
    a_user("ben")
    response = as_("ana").get("/send_message/ben")
    assert response.status_code in {302, 303}
    assert response.headers["Location"].endswith("/messages/ben")


def test_form_sent_twice_stores_one_message(as_, db):
    ana = as_("ana")
    acquainted(ana.user, a_user("ben"))
    form = next(f for f in forms_of(ana.get("/messages/ben").text) if f["action"].endswith("/send_message/ben"))
    sent = {name: value for name, value in form["fields"].items() if value is not None} | {"message": "Once"}
    for _ in range(3):
        assert ana.post("/send_message/ben", data=sent).status_code == 303
    assert bodies(db) == ["Once"]
    assert db.session.scalar(select(Conversation.newest_seq)) == 1
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.queue == "mail")) == 1


def test_form_key_of_another_member_does_not_collide(as_, db):
    cleo = a_user("cleo")
    for sender in ("ana", "ben"):
        as_(sender).post_form("/send_message/cleo", {"message": f"from {sender}", "form_key": "same"})
    assert sorted(bodies(db)) == ["from ana", "from ben"]
    assert cleo


def test_members_cannot_message_themselves(as_, db):
    ana = as_("ana")
    for answer in (ana.post_form("/send_message/ana", {"message": "note to self"}), ana.get("/messages/ana")):
        assert answer.status_code in {302, 303}
        assert answer.headers["Location"] == "/messages"
    with pytest.raises(ActionError):
        actions.send_message(ana.user, ana.user, "note to self")
    db.session.rollback()
    assert bodies(db) == []
    assert db.session.scalars(select(Conversation)).all() == []


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u200b\u2060"])
def test_empty_message_is_rejected(as_, db, text):
    ana, _ben = as_("ana"), a_user("ben")
    assert ana.post_form("/send_message/ben", {"message": text}).status_code == 422
    assert bodies(db) == []


def test_overlong_message_is_rejected_and_its_text_is_kept(as_, db, configure):
    configure(MESSAGE_MAX_LENGTH=10)
    ana, _ben = as_("ana"), a_user("ben")
    text = "eleven char"
    response = ana.post_form("/send_message/ben", {"message": text})
    assert response.status_code == 422
    assert text in response.text
    assert bodies(db) == []
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    assert ana.post_form("/send_message/ben", {"message": family * 10}).status_code == 303  # ten, as a reader counts


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, 世界, नमस्ते, مرحبا, שלום",
        "<script>alert(1)</script>",
        "{{ 7*7 }} %(x)s %n {0.__class__}",
        ".\r\n.\r\nQUIT",
        "a\u202eb",
    ],
)
def test_message_text_is_escaped(as_, db, text):
    ana, ben = as_("ana"), as_("ben")
    assert ana.post_form("/send_message/ben", {"message": text}).status_code == 303
    page = ben.get("/messages/ana")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "49" not in bodies(db)[0]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[31m"])
def test_invalid_bytes_never_break_a_page(as_, db, text):
    ana, ben = as_("ana"), as_("ben")
    sent = text.encode("utf-8", "surrogatepass")
    status = ana.post_form("/send_message/ben", {"message": sent}).status_code
    assert status in {303, 400, 422}
    assert ben.get("/messages/ana").status_code == 200


def test_unknown_recipients_are_not_found(as_):
    ana = as_("ana")
    for path in ("/messages/nobody", "/messages/nobody/new", "/send_message/nobody"):
        assert ana.get(path).status_code == 404
    assert ana.post_form("/send_message/nobody", {"message": "hi"}).status_code == 404
    assert ana.post_form("/messages/nobody/read", {"seq": 1}).status_code == 404


def test_visitors_are_redirected_to_login(client):
    a_user("ben")
    for path in ("/messages", "/messages/ben", "/send_message/ben"):
        response = client.get(path)
        assert response.status_code in {302, 303}
        assert "/auth/login" in response.headers["Location"]
    assert client.post_form("/send_message/ben", {"message": "hi"}).status_code in {302, 303}


def test_nonmembers_cannot_read_a_conversation(as_, db):
    ana, ben = a_user("ana"), a_user("ben")
    a_message(ana, ben, "between us")
    cleo = as_("cleo")
    for path in ("/messages", "/messages/ana", "/messages/ben", "/messages/ana/new?after=0", "/messages/ben/new"):
        page = cleo.get(path)
        assert page.status_code == 200
        assert "between us" not in page.text
    cleo.post_form("/messages/ana/read", {"seq": 1})
    reads = db.session.scalars(select(ConversationMember.read_seq)).all()
    assert set(reads) == {0}


def test_messages_are_numbered_and_memberships_store_the_newest(db):
    ana, ben = a_user("ana"), a_user("ben")
    sent = [a_message(*pair) for pair in ((ana, ben), (ben, ana), (ana, ben))]
    assert [message.seq for message in sent] == [1, 2, 3]
    members = {row.user_id: row for row in db.session.scalars(select(ConversationMember))}
    assert (members[ana.id].newest_seq, members[ben.id].newest_seq) == (2, 3)
    assert {row.newest_message_id for row in members.values()} == {sent[-1].id}


def test_inbox_is_sorted_by_latest_message_and_paged(as_, configure, queries):
    configure(POSTS_PER_PAGE=2)
    ana = as_("ana")
    people = [a_user(name) for name in ("ben", "cleo", "dora", "emil", "fia")]
    for person in people:
        a_message(person, ana.user, f"first of {person.username}")
    a_message(ana.user, people[0], "back to ben")
    seen, path = [], "/messages"
    while path:
        page = ana.get(path).text
        order = [
            (page.index(f'href="/messages/{p.username}"'), p.username)
            for p in people
            if f'href="/messages/{p.username}"' in page
        ]
        assert len(order) <= 2
        seen += [name for _place, name in sorted(order)]
        at = page.find('"/messages?before=')
        path = page[at + 1 : page.index('"', at + 1)] if at >= 0 else None
    assert seen == ["ben", "fia", "emil", "dora", "cleo"]


def test_inbox_takes_a_constant_number_of_statements(as_, queries):
    ana = as_("ana")
    a_message(a_user("ben"), ana.user)
    ana.get("/messages")
    with queries() as few:
        ana.get("/messages")
    for number in range(10):
        a_message(a_user(f"person{number}"), ana.user)
    with queries() as many:
        ana.get("/messages")
    assert len(few) == len(many) <= 3, many


@pytest.mark.slow
def test_older_messages_are_paged_without_a_gap(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    for number in range(1, 46):
        a_message(ben, ana.user, f"<{number}>")
    ana.post_form("/messages/ben/read", {"seq": 45})
    newest = ana.get("/messages/ben").text
    assert "&lt;45&gt;" in newest
    assert "&lt;6&gt;" in newest
    assert "&lt;5&gt;" not in newest
    older = ana.get("/messages/ben?before=6").text
    assert all(f"&lt;{number}&gt;" in older for number in range(1, 6))
    assert "&lt;6&gt;" not in older


@pytest.mark.slow
def test_page_includes_all_unread_messages(as_, db):
    """Reading moves one mark forward: what the page left out would be read unseen."""
    ana, ben = as_("ana"), a_user("ben")
    for number in range(1, 61):
        a_message(ben, ana.user, f"<{number}>")
    page = ana.get("/messages/ben").text
    assert all(f"&lt;{number}&gt;" in page for number in range(1, 61))
    assert 'data-newest-seq="60"' in page


@pytest.mark.parametrize("query", ["before=x", "before=0", "before=-1", "before=99999999999999999999", "before=١"])
def test_invalid_cursor_in_a_conversation_is_ignored(as_, query):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    assert ana.get(f"/messages/ben?{query}").status_code == 200
    assert ana.get(f"/messages?{query}").status_code == 200
    assert ana.get(f"/messages/ben/new?{query.replace('before', 'after')}").status_code == 200


def test_open_page_loads_only_new_messages(as_):
    ana, ben = as_("ana"), a_user("ben")
    for number in range(1, 4):
        a_message(ben, ana.user, f"<{number}>")
    fragment = ana.get("/messages/ben/new?after=2").text
    assert "&lt;3&gt;" in fragment
    assert "&lt;2&gt;" not in fragment
    assert "<html" not in fragment
