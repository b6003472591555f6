"""Groups: who gets into one and how, what is noted, what those who join and leave can see."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.messages import actions
from app.messages.actions import groups
from app.models import Activity, Block, Conversation, ConversationMember, Message
from app.queries import unread
from tests.factories import a_user
from tests.support.groups import acquaint, begin, events, states, texts, the_group


def test_group_is_created_with_its_first_message(ana_with_contacts, as_, db):
    answer = begin(ana_with_contacts)
    group = the_group(db)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/messages/thread/{group.id}")
    assert set(states(db, group).values()) == {"accepted"}
    page = ana_with_contacts.follow(answer)
    assert "Bakers" in page.text and "Bread?" in page.text
    for name in ("ben", "cleo"):
        person = as_(name)
        assert unread.message_count(person.user.id) == 1
        assert "Bread?" in person.get(f"/messages/thread/{group.id}").text
        assert f"/messages/thread/{group.id}" in person.get("/messages").text
    assert as_("dora").get(f"/messages/thread/{group.id}").status_code == 404


def test_recipient_names_are_accepted_in_any_notation(ana_with_contacts, db):
    assert begin(ana_with_contacts, to="@ben,cleo ;BEN, ana").status_code == 303
    assert set(states(db, the_group(db))) == {
        ana_with_contacts.user.id,
        *(ana_with_contacts.people[name].id for name in ("ben", "cleo")),
    }


def test_group_with_one_recipient_becomes_a_conversation(ana_with_contacts, as_, db):
    answer = begin(ana_with_contacts, to="ben")
    assert answer.status_code == 303
    assert "Bread?" in ana_with_contacts.get("/messages/ben").text
    assert db.session.scalars(select(Conversation).where(Conversation.pair_key.is_(None))).all() == []


def test_form_sent_twice_creates_one_group(ana_with_contacts, db):
    for _ in range(3):
        assert begin(ana_with_contacts, form_key="one form").status_code == 303
    assert the_group(db).newest_seq == 1
    begin(ana_with_contacts, to="ben", form_key="one form")  # somebody else than before: another conversation
    assert len(db.session.scalars(select(Message.id)).all()) == 2


def test_group_is_a_message_request_for_strangers(ana_with_contacts, as_, db, run_jobs, mails):
    begin(ana_with_contacts, to="ben dora")
    group, dora = the_group(db), as_("dora")
    assert states(db, group)[dora.user.id] == "request"
    assert unread.message_count(dora.user.id) == 0
    assert unread.request_count(dora.user.id) == 1
    heard = db.session.scalars(select(Activity).where(Activity.user_id == dora.user.id)).one()
    assert heard.kind == "message_request" and heard.read_at is not None
    run_jobs(advance=3600)
    assert mails.to("dora@example.org") == []
    assert len(mails.to("ben@example.org")) == 1
    assert dora.post_form(f"/messages/thread/{group.id}/send", {"message": "Hello"}).status_code == 303
    assert states(db, group)[dora.user.id] == "accepted"


def test_declined_sender_cannot_reach_the_member_through_a_group(ana_with_contacts, db):
    dora = ana_with_contacts.people["dora"]
    actions.send_message(ana_with_contacts.user, dora, "Hello?")
    db.session.commit()
    here = (ConversationMember.user_id == dora.id, ConversationMember.state == "request")
    db.session.scalars(select(ConversationMember).where(*here)).one().state = "declined"
    db.session.commit()
    begin(ana_with_contacts, to="ben dora")
    assert states(db, the_group(db))[dora.id] == "declined"
    assert unread.request_count(dora.id) == 0


@pytest.mark.parametrize("way", ["blocks", "is blocked", "takes no messages", "is gone"])
def test_member_who_cannot_be_messaged_cannot_be_added_to_a_group(ana_with_contacts, db, way):
    dora = ana_with_contacts.people["dora"]
    if way == "blocks":
        db.session.add(Block(blocker_id=dora.id, blocked_id=ana_with_contacts.user.id))
    elif way == "is blocked":
        db.session.add(Block(blocker_id=ana_with_contacts.user.id, blocked_id=dora.id))
    elif way == "takes no messages":
        dora.message_privacy = "nobody"
    else:
        dora.active = False
    db.session.commit()
    said = "No user named" if way == "is gone" else "You can't message Dora."
    begin(ana_with_contacts)
    group = the_group(db)
    page = ana_with_contacts.post_form(f"/messages/thread/{group.id}/people", {"to": "dora"})
    assert page.status_code == 422
    assert said in texts(page)
    assert 'value="dora"' in page.text
    refused = begin(ana_with_contacts, to="ben dora", message="Keep these words")
    assert refused.status_code == 422
    assert said in texts(refused)
    assert "Keep these words" in refused.text
    assert dora.id not in states(db, group)
    assert the_group(db).id == group.id


def test_group_has_at_most_twelve_members(ana_with_contacts, db):
    names = [f"guest{number}" for number in range(11)]
    acquaint(ana_with_contacts.user, *(a_user(name) for name in names))
    assert begin(ana_with_contacts, to=" ".join([*names, "ben"])).status_code == 422
    assert begin(ana_with_contacts, to=" ".join(names)).status_code == 303
    group = the_group(db)
    page = ana_with_contacts.post_form(f"/messages/thread/{group.id}/people", {"to": "ben"})
    assert page.status_code == 422
    assert "up to 12 members" in texts(page)
    assert len(states(db, group)) == groups.MAX_MEMBERS
    assert listed_member_count(ana_with_contacts, group) == groups.MAX_MEMBERS


def listed_member_count(browser, group) -> int:
    return browser.get(f"/messages/thread/{group.id}/people").text.count('<div class="person">')


def test_groups_count_toward_the_limit_of_new_contacts(ana_with_contacts, db, configure, rate_limits):
    configure(RATELIMIT_ENABLED=True)
    strangers = " ".join(a_user(f"stranger{number}").username for number in range(9))
    answer = begin(ana_with_contacts, to=strangers)
    assert answer.status_code == 422
    assert "a lot of new people" in texts(answer)
    assert begin(ana_with_contacts, to=" ".join(strangers.split()[:6])).status_code == 303
    path = f"/messages/thread/{the_group(db).id}/people"
    assert ana_with_contacts.post_form(path, {"to": " ".join(strangers.split()[6:])}).status_code == 422
    assert ana_with_contacts.post_form(path, {"to": strangers.split()[6]}).status_code == 303


def test_group_can_be_renamed_and_members_are_notified(ana_with_contacts, as_, db):
    begin(ana_with_contacts)
    group, ben = the_group(db), as_("ben")
    before = group.revision
    since = ben.get("/notifications").get_json()[-1]["timestamp"]
    for _ in range(2):
        ana_with_contacts.post_form(f"/messages/thread/{group.id}/name", {"name": "  Night\u202e \n bakers "})
    assert the_group(db).name == "Night bakers"
    assert events(db, group) == [("named", {"name": "Night bakers"})]
    assert the_group(db).revision == before + 1
    (told,) = ben.get(f"/notifications?since={since}").get_json()
    assert told["name"] == "conversation" and told["data"]["group"] == group.id
    assert "Night bakers" in texts(ben.get(f"/messages/thread/{group.id}"))
    assert unread.message_count(ben.user.id) == 1
    ana_with_contacts.post_form(f"/messages/thread/{group.id}/name", {"name": ""})
    assert "Ben and Cleo" in texts(ana_with_contacts.get(f"/messages/thread/{group.id}"))
    answer = ana_with_contacts.post_form(f"/messages/thread/{group.id}/name", {"name": "x" * 81})
    assert answer.status_code == 422
    assert "x" * 81 in answer.text


def test_conversation_of_two_has_no_group_actions(ana_with_contacts, db):
    pair = db.session.scalar(select(Conversation.id).order_by(Conversation.id))
    for path in ("people", "name", "people", "leave"):
        ana_with_contacts.post_form(f"/messages/thread/{pair}/{path}", {"to": "dora", "name": "x"})
        assert ana_with_contacts.get(f"/messages/thread/{pair}/people").status_code == 404
    assert set(states(db, db.session.get(Conversation, pair)).values()) == {"accepted"}
    assert db.session.get(Conversation, pair).name == ""


def test_group_pages_take_few_statements(ana_with_contacts, as_, db, queries):
    names = [f"guest{number}" for number in range(4)]
    acquaint(ana_with_contacts.user, *(a_user(name) for name in names))
    begin(ana_with_contacts, to=" ".join([*names, "ben", "cleo"]))
    group = the_group(db)
    ana_with_contacts.user.receipts = True
    db.session.commit()
    for number, name in enumerate(names):
        as_(name).post_form(f"/messages/thread/{group.id}/send", {"message": f"message {number}"})
    for path in (f"/messages/thread/{group.id}", f"/messages/thread/{group.id}/people", "/messages"):
        with queries() as asked:
            assert ana_with_contacts.get(path).status_code == 200
        assert len(asked) <= 3, asked


def test_email_names_the_group(ana_with_contacts, as_, db, run_jobs, mails):
    begin(ana_with_contacts)
    group = the_group(db)
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "New message from ana in Bakers"
    assert "ana wrote in Bakers:" in mail.text and "> Bread?" in mail.text
    for words in (mail.text, mail.html):
        assert f"http://microblog.test/messages/thread/{group.id}" in words
    ana_with_contacts.post_form(f"/messages/thread/{group.id}/name", {"name": ""})
    as_("cleo").post_form(f"/messages/thread/{group.id}/send", {"message": "Rolls"})
    ana_with_contacts.post_form(f"/messages/thread/{group.id}/send", {"message": "<b>Buns</b>"})
    mails.clear()
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "2 new messages in your conversation with ana and Cleo"
    assert "Cleo: > Rolls ana: > <b>Buns</b>" in " ".join(mail.text.split())
    assert "<b>" not in mail.html and "Buns" in mail.html


def test_email_about_a_group_without_a_name_does_not_name_the_sender_twice(ana_with_contacts, db, run_jobs, mails):
    ana_with_contacts.post_form("/messages/groups", {"to": "ben, cleo", "message": "Bread?", "form_key": "k"})
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "New message from ana in your conversation with Cleo"
    assert "ana wrote in your conversation with Cleo:" in mail.text


def test_email_about_a_group_of_two_names_only_the_sender(ana_with_contacts, as_, db, run_jobs, mails):
    ana_with_contacts.post_form("/messages/groups", {"to": "ben, cleo", "message": "Bread?", "form_key": "k"})
    run_jobs(advance=60)
    as_("cleo").post_form(f"/messages/thread/{the_group(db).id}/leave")
    ana_with_contacts.post_form(f"/messages/thread/{the_group(db).id}/send", {"message": "Only you left"})
    mails.clear()
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "New message from ana"
    assert "ana sent you a message:" in mail.text


@pytest.mark.parametrize(
    ("language", "title", "subject"),
    [
        ("en", "ana, Ben, and Cleo", "New message from ana in your conversation with Ben and Cleo"),
        ("es", "ana, Ben y Cleo", "Mensaje nuevo de ana en tu conversación con Ben y Cleo"),
    ],
)
def test_unnamed_group_has_the_same_title_on_all_pages(
    ana_with_contacts, as_, db, run_jobs, mails, language, title, subject
):
    dora = as_("dora")
    dora.user.language = language
    acquaint(ana_with_contacts.user, dora.user)
    begin(ana_with_contacts, to="ben cleo dora", name="")
    group = the_group(db)
    run_jobs(advance=60)
    (mail,) = mails.to("dora@example.org")
    assert mail.subject == subject
    for path in ("/messages", f"/messages/thread/{group.id}", f"/messages/thread/{group.id}/people"):
        assert title in texts(dora.get(path))
    assert title in texts(dora.get(f"/report/{group.id}"))
    for name in ("ben", "cleo", "ana"):
        as_(name).post_form(f"/messages/thread/{group.id}/leave", {})
    assert {"en": "Only you", "es": "Solo tú"}[language] in texts(dora.get(f"/messages/thread/{group.id}"))


@pytest.mark.parametrize("number", ["0", "2147483648", "9" * 30])
@pytest.mark.parametrize("path", ["", "/new", "/people"])
def test_unknown_conversation_id_is_not_found(ana_with_contacts, number, path):
    assert ana_with_contacts.get(f"/messages/thread/{number}{path}").status_code == 404
