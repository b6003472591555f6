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


def test_a_group_is_begun_with_a_message(town, as_, db):
    answer = begin(town)
    group = the_group(db)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/messages/thread/{group.id}")
    assert set(states(db, group).values()) == {"accepted"}
    page = town.follow(answer)
    assert "Bakers" in page.text and "Bread?" in page.text
    for name in ("ben", "cleo"):
        person = as_(name)
        assert unread.message_count(person.user.id) == 1
        assert "Bread?" in person.get(f"/messages/thread/{group.id}").text
        assert f"/messages/thread/{group.id}" in person.get("/messages").text
    assert as_("dora").get(f"/messages/thread/{group.id}").status_code == 404


def test_names_of_people_are_taken_as_they_are_written(town, db):
    assert begin(town, to="@ben,cleo ;BEN, ana").status_code == 303
    assert set(states(db, the_group(db))) == {town.user.id, *(town.people[name].id for name in ("ben", "cleo"))}


def test_to_one_person_it_is_their_conversation(town, as_, db):
    answer = begin(town, to="ben")
    assert answer.status_code == 303
    assert "Bread?" in town.get("/messages/ben").text
    assert db.session.scalars(select(Conversation).where(Conversation.pair_key.is_(None))).all() == []


def test_a_form_sent_twice_makes_one_group(town, db):
    for _ in range(3):
        assert begin(town, form_key="one form").status_code == 303
    assert the_group(db).newest_seq == 1
    begin(town, to="ben", form_key="one form")  # somebody else than before: another conversation
    assert len(db.session.scalars(select(Message.id)).all()) == 2


def test_strangers_get_the_group_as_a_request(town, as_, db, run_jobs, mails):
    begin(town, to="ben dora")
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


def test_who_declined_a_request_hears_nothing_of_a_group(town, db):
    dora = town.people["dora"]
    actions.send_message(town.user, dora, "Hello?")
    db.session.commit()
    here = (ConversationMember.user_id == dora.id, ConversationMember.state == "request")
    db.session.scalars(select(ConversationMember).where(*here)).one().state = "declined"
    db.session.commit()
    begin(town, to="ben dora")
    assert states(db, the_group(db))[dora.id] == "declined"
    assert unread.request_count(dora.id) == 0


@pytest.mark.parametrize("way", ["blocks", "is blocked", "takes no messages", "is gone"])
def test_nobody_is_added_who_cannot_be_written_to(town, db, way):
    dora = town.people["dora"]
    if way == "blocks":
        db.session.add(Block(blocker_id=dora.id, blocked_id=town.user.id))
    elif way == "is blocked":
        db.session.add(Block(blocker_id=town.user.id, blocked_id=dora.id))
    elif way == "takes no messages":
        dora.message_privacy = "nobody"
    else:
        dora.active = False
    db.session.commit()
    said = "No user named" if way == "is gone" else "You can't message Dora."
    begin(town)
    group = the_group(db)
    page = town.post_form(f"/messages/thread/{group.id}/people", {"to": "dora"})
    assert page.status_code == 422
    assert said in texts(page)
    assert 'value="dora"' in page.text
    refused = begin(town, to="ben dora", message="Keep these words")
    assert refused.status_code == 422
    assert said in texts(refused)
    assert "Keep these words" in refused.text
    assert dora.id not in states(db, group)
    assert the_group(db).id == group.id


def test_a_group_has_room_for_twelve(town, db):
    names = [f"guest{number}" for number in range(11)]
    acquaint(town.user, *(a_user(name) for name in names))
    assert begin(town, to=" ".join([*names, "ben"])).status_code == 422
    assert begin(town, to=" ".join(names)).status_code == 303
    group = the_group(db)
    page = town.post_form(f"/messages/thread/{group.id}/people", {"to": "ben"})
    assert page.status_code == 422
    assert "up to 12 members" in texts(page)
    assert len(states(db, group)) == groups.MAX_MEMBERS
    assert as_many_as_listed(town, group) == groups.MAX_MEMBERS


def as_many_as_listed(browser, group) -> int:
    return browser.get(f"/messages/thread/{group.id}/people").text.count('<div class="person">')


def test_groups_are_no_way_around_the_limit_of_strangers(town, db, configure, rate_limits):
    configure(RATELIMIT_ENABLED=True)
    strangers = " ".join(a_user(f"stranger{number}").username for number in range(9))
    answer = begin(town, to=strangers)
    assert answer.status_code == 422
    assert "a lot of new people" in texts(answer)
    assert begin(town, to=" ".join(strangers.split()[:6])).status_code == 303
    path = f"/messages/thread/{the_group(db).id}/people"
    assert town.post_form(path, {"to": " ".join(strangers.split()[6:])}).status_code == 422
    assert town.post_form(path, {"to": strangers.split()[6]}).status_code == 303


def test_a_group_is_named_and_everybody_hears_of_it(town, as_, db):
    begin(town)
    group, ben = the_group(db), as_("ben")
    before = group.revision
    since = ben.get("/notifications").get_json()[-1]["timestamp"]
    for _ in range(2):
        town.post_form(f"/messages/thread/{group.id}/name", {"name": "  Night\u202e \n bakers "})
    assert the_group(db).name == "Night bakers"
    assert events(db, group) == [("named", {"name": "Night bakers"})]
    assert the_group(db).revision == before + 1
    (told,) = ben.get(f"/notifications?since={since}").get_json()
    assert told["name"] == "conversation" and told["data"]["group"] == group.id
    assert "Night bakers" in texts(ben.get(f"/messages/thread/{group.id}"))
    assert unread.message_count(ben.user.id) == 1
    town.post_form(f"/messages/thread/{group.id}/name", {"name": ""})
    assert "Ben and Cleo" in texts(town.get(f"/messages/thread/{group.id}"))
    answer = town.post_form(f"/messages/thread/{group.id}/name", {"name": "x" * 81})
    assert answer.status_code == 422
    assert "x" * 81 in answer.text


def test_a_conversation_of_two_is_no_group(town, db):
    pair = db.session.scalar(select(Conversation.id).order_by(Conversation.id))
    for path in ("people", "name", "people", "leave"):
        town.post_form(f"/messages/thread/{pair}/{path}", {"to": "dora", "name": "x"})
        assert town.get(f"/messages/thread/{pair}/people").status_code == 404
    assert set(states(db, db.session.get(Conversation, pair)).values()) == {"accepted"}
    assert db.session.get(Conversation, pair).name == ""


def test_pages_of_a_group_ask_little(town, as_, db, queries):
    names = [f"guest{number}" for number in range(4)]
    acquaint(town.user, *(a_user(name) for name in names))
    begin(town, to=" ".join([*names, "ben", "cleo"]))
    group = the_group(db)
    town.user.receipts = True
    db.session.commit()
    for number, name in enumerate(names):
        as_(name).post_form(f"/messages/thread/{group.id}/send", {"message": f"message {number}"})
    for path in (f"/messages/thread/{group.id}", f"/messages/thread/{group.id}/people", "/messages"):
        with queries() as asked:
            assert town.get(path).status_code == 200
        assert len(asked) <= 3, asked


def test_a_mail_says_in_which_group(town, as_, db, run_jobs, mails):
    begin(town)
    group = the_group(db)
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "New message from ana in Bakers"
    assert "ana wrote in Bakers:" in mail.text and "> Bread?" in mail.text
    for words in (mail.text, mail.html):
        assert f"http://microblog.test/messages/thread/{group.id}" in words
    town.post_form(f"/messages/thread/{group.id}/name", {"name": ""})
    as_("cleo").post_form(f"/messages/thread/{group.id}/send", {"message": "Rolls"})
    town.post_form(f"/messages/thread/{group.id}/send", {"message": "<b>Buns</b>"})
    mails.clear()
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "2 new messages in ana and Cleo"
    assert "Cleo: > Rolls ana: > <b>Buns</b>" in " ".join(mail.text.split())
    assert "<b>" not in mail.html and "Buns" in mail.html


@pytest.mark.parametrize(("language", "title"), [("en", "ana, Ben, and Cleo"), ("es", "ana, Ben y Cleo")])
def test_without_a_name_a_group_is_called_the_same_everywhere(town, as_, db, run_jobs, mails, language, title):
    dora = as_("dora")
    dora.user.language = language
    acquaint(town.user, dora.user)
    begin(town, to="ben cleo dora", name="")
    group = the_group(db)
    run_jobs(advance=60)
    (mail,) = mails.to("dora@example.org")
    assert mail.subject.endswith(f" {title}")
    for path in ("/messages", f"/messages/thread/{group.id}", f"/messages/thread/{group.id}/people"):
        assert title in texts(dora.get(path))
    assert title in texts(dora.get(f"/report/{group.id}"))
    for name in ("ben", "cleo", "ana"):
        as_(name).post_form(f"/messages/thread/{group.id}/leave", {})
    assert {"en": "Only you", "es": "Solo tú"}[language] in texts(dora.get(f"/messages/thread/{group.id}"))


@pytest.mark.parametrize("number", ["0", "2147483648", "9" * 30])
@pytest.mark.parametrize("path", ["", "/new", "/people"])
def test_a_number_that_no_conversation_has_is_not_found(town, number, path):
    assert town.get(f"/messages/thread/{number}{path}").status_code == 404
