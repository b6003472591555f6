"""Groups: who gets into one and how, what is noted, what those who join and leave can see."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from app.messages import actions, recount
from app.messages.actions import groups
from app.models import Activity, Block, Conversation, ConversationMember, Job, Message
from app.queries import unread
from tests.factories import a_follow, a_user, acquainted
from tests.support.forms import forms_of


def acquaint(founder, *others) -> None:
    for other in others:
        acquainted(founder, other)


@pytest.fixture
def town(as_, db):
    """Ana's browser; she writes to ben and cleo already, and nobody knows dora."""
    ana = as_("ana")
    people = {name: a_user(name, name=name.title()) for name in ("ben", "cleo", "dora")}
    acquaint(ana.user, people["ben"], people["cleo"])
    ana.people = people
    return ana


def begin(ana, to="ben cleo", name="Bakers", message="Bread?", **fields):
    return ana.post_form("/messages/groups", {"to": to, "name": name, "message": message, **fields})


def the_group(db) -> Conversation:
    return db.session.scalars(select(Conversation).where(Conversation.pair_key.is_(None))).one()


def states(db, group) -> dict[int, str]:
    side = ConversationMember
    rows = db.session.execute(select(side.user_id, side.state).where(side.conversation_id == group.id))
    return dict(rows.all())


def events(db, group) -> list[tuple[str, dict]]:
    rows = select(Message).where(Message.conversation_id == group.id, Message.kind != "text").order_by(Message.seq)
    return [(message.kind, message.args) for message in db.session.scalars(rows)]


def texts(page) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text))


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
        dora.writable_by = "nobody"
    else:
        dora.active = False
    db.session.commit()
    said = "Nobody is called" if way == "is gone" else "You cannot write to Dora."
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
    assert "room for 12 people" in texts(page)
    assert len(states(db, group)) == groups.MOST
    assert as_many_as_listed(town, group) == groups.MOST


def as_many_as_listed(browser, group) -> int:
    return browser.get(f"/messages/thread/{group.id}/people").text.count('<div class="person">')


def test_groups_are_no_way_around_the_limit_of_strangers(town, db, configure, rate_limits):
    configure(RATELIMIT_ENABLED=True)
    strangers = " ".join(a_user(f"stranger{number}").username for number in range(9))
    answer = begin(town, to=strangers)
    assert answer.status_code == 422
    assert "many new people" in texts(answer)
    assert begin(town, to=" ".join(strangers.split()[:6])).status_code == 303
    path = f"/messages/thread/{the_group(db).id}/people"
    assert town.post_form(path, {"to": " ".join(strangers.split()[6:])}).status_code == 422
    assert town.post_form(path, {"to": strangers.split()[6]}).status_code == 303


def test_who_joins_sees_what_is_written_from_then_on(town, as_, db):
    begin(town)
    group, dora = the_group(db), as_("dora")
    a_follow(dora.user, town.user)
    address = f"/messages/thread/{group.id}"
    assert as_("ben").post_form(f"{address}/send", {"message": "Before"}).status_code == 303
    for _ in range(2):  # a double click adds once
        assert town.post_form(f"{address}/people", {"to": "dora"}).status_code == 303
    assert events(db, group) == [("added", {"user_id": dora.user.id, "username": "dora"})]
    town.post_form(f"{address}/send", {"message": "After"})
    page = dora.get(address)
    assert "After" in page.text and "added you" in texts(page)
    assert "Before" not in page.text and "Bread?" not in page.text
    assert "Before" not in dora.get(f"{address}/new?after=0").text
    assert "Before" not in dora.get(f"{address}?before=4").text
    assert unread.message_count(dora.user.id) == 1
    assert unread.message_count(town.people["cleo"].id) == 3  # an event counts in no badge
    assert "ana added @dora" in texts(as_("ben").get(address))


def test_who_leaves_sees_nothing_and_may_be_asked_again(town, as_, db, run_jobs, mails):
    begin(town)
    group, ben = the_group(db), as_("ben")
    address = f"/messages/thread/{group.id}"
    since = ben.get("/notifications").get_json()[-1]["timestamp"]
    for _ in range(2):
        assert ben.post_form(f"{address}/leave").headers["Location"] == "/messages"
    assert events(db, group) == [("left", {})]
    told = {one["name"]: one["data"] for one in ben.get(f"/notifications?since={since}").get_json()}
    assert told["unread_message_count"] == 0 and told["conversation"]["group"] == group.id
    town.post_form(f"{address}/send", {"message": "Ben?"})
    assert unread.message_count(ben.user.id) == 0
    assert address not in ben.get("/messages").text
    for path in (address, f"{address}/people", f"{address}/new?after=0"):
        assert ben.get(path).status_code == 404
    assert ben.post_form(f"{address}/send", {"message": "Am I in?"}).status_code == 404
    run_jobs(advance=3600)
    assert mails.to("ben@example.org") == []
    assert "Ben left." in texts(town.get(address))

    town.post_form(f"{address}/people", {"to": "ben"})
    assert states(db, group)[ben.user.id] == "request"  # he left: they know each other, and still he is asked
    assert unread.request_count(ben.user.id) == 1
    page = ben.get(address)
    assert "Ben?" not in page.text and "Bread?" not in page.text
    ben.post_form(f"{address}/leave")
    a_follow(ben.user, town.user)
    town.post_form(f"{address}/people", {"to": "ben"})
    assert states(db, group)[ben.user.id] == "accepted"


def test_the_last_one_may_leave(town, as_, db):
    begin(town)
    group = the_group(db)
    for browser in (town, as_("ben"), as_("cleo")):
        assert browser.post_form(f"/messages/thread/{group.id}/leave").status_code == 303
    assert set(states(db, group).values()) == {"left"}
    assert town.get(f"/messages/thread/{group.id}").status_code == 404


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
    assert "Ben, Cleo" in texts(town.get(f"/messages/thread/{group.id}"))
    answer = town.post_form(f"/messages/thread/{group.id}/name", {"name": "x" * 81})
    assert answer.status_code == 422
    assert "x" * 81 in answer.text


def test_who_was_asked_answers_before_changing_anything(town, as_, db):
    begin(town, to="ben dora")
    group, dora = the_group(db), as_("dora")
    answer = dora.post_form(f"/messages/thread/{group.id}/name", {"name": "Mine"})
    assert answer.status_code == 422
    assert "accept the request first" in texts(answer)
    assert dora.post_form(f"/messages/thread/{group.id}/people", {"to": "cleo"}).status_code == 422
    assert "has not answered yet" in texts(town.get(f"/messages/thread/{group.id}/people"))
    assert dora.post_form(f"/messages/thread/{group.id}/leave").status_code == 303
    assert unread.request_count(dora.user.id) == 0


def test_a_conversation_of_two_is_no_group(town, db):
    pair = db.session.scalar(select(Conversation.id).order_by(Conversation.id))
    for path in ("people", "name", "people", "leave"):
        town.post_form(f"/messages/thread/{pair}/{path}", {"to": "dora", "name": "x"})
        assert town.get(f"/messages/thread/{pair}/people").status_code == 404
    assert set(states(db, db.session.get(Conversation, pair)).values()) == {"accepted"}
    assert db.session.get(Conversation, pair).name == ""


def test_others_change_nothing(town, as_, db):
    begin(town)
    group, dora = the_group(db), as_("dora")
    before = states(db, group)
    for path, fields in (("name", {"name": "Mine"}), ("people", {"to": "dora"}), ("send", {"message": "Hi"})):
        assert dora.post_form(f"/messages/thread/{group.id}/{path}", fields).status_code == 404
    assert dora.post_form(f"/messages/thread/{group.id}/leave").status_code == 303  # says nothing of what there is
    assert dora.get(f"/messages/thread/{group.id}/people").status_code == 404
    assert (the_group(db).name, the_group(db).newest_seq, states(db, group)) == ("Bakers", 1, before)


def test_who_is_blocked_is_folded_and_counts_in_no_badge(town, as_, db, run_jobs, mails):
    begin(town)
    group, ben = the_group(db), town.people["ben"]
    db.session.add(Block(blocker_id=town.user.id, blocked_id=ben.id))
    db.session.commit()
    as_("ben").post_form(f"/messages/thread/{group.id}/send", {"message": "You again"})
    assert unread.message_count(town.user.id) == 0
    page = town.get(f"/messages/thread/{group.id}").text
    assert re.search(r"<details[^>]*>\s*<summary>[^<]*blocked[^<]*</summary>(?:(?!</details>).)*You again", page, re.S)
    assert "<details" not in as_("cleo").get(f"/messages/thread/{group.id}").text.partition("You again")[0][-400:]
    run_jobs(advance=3600)
    assert mails.to("ana@example.org") == []
    as_("ben").post_form(f"/messages/thread/{group.id}/leave")
    assert "folded" in town.get(f"/messages/thread/{group.id}").text  # also when he is gone


def test_who_has_read_is_told_to_who_tells_it(town, as_, db):
    begin(town)
    group, ben, cleo = the_group(db), as_("ben"), as_("cleo")
    address = f"/messages/thread/{group.id}"
    for browser in (ben, cleo):
        browser.post_form(f"{address}/read", {"seq": 1})
    assert "data-read-by" not in town.get(f"{address}/people").text  # she does not show what she reads
    town.user.receipts = ben.user.receipts = True
    db.session.commit()
    page = town.get(f"{address}/people").text
    (readers,) = re.findall(r'data-read-by="1">(.*?)</li>', page, re.S)
    assert "Ben" in readers and "Cleo" not in readers
    town.post_form(f"{address}/send", {"message": "And now?"})
    page = town.get(f"{address}/people").text
    (readers,) = re.findall(r'data-read-by="2">(.*?)</li>', page, re.S)
    assert "Ben" not in readers


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


def test_the_forms_of_the_page_work_without_a_script(town, db):
    begin(town, to="ben cleo")
    group = the_group(db)
    page = f"/messages/thread/{group.id}/people"
    actions_of_page = {form["action"] for form in forms_of(town.get(page).text)}
    assert {f"/messages/thread/{group.id}/{path}" for path in ("name", "people", "leave")} <= actions_of_page
    a_follow(town.people["dora"], town.user)
    assert town.submit(page, {"to": "dora"}, action=page).status_code == 303
    assert states(db, group)[town.people["dora"].id] == "accepted"


def test_numbers_beside_the_messages_fit_them(town, as_, db):
    """What is kept beside the messages is what counting them anew would say."""
    begin(town, to="ben dora")
    group = the_group(db)
    address = f"/messages/thread/{group.id}"
    ben = as_("ben")
    ben.post_form(f"{address}/send", {"message": "One"})
    town.post_form(f"{address}/people", {"to": "cleo"})
    ben.post_form(f"{address}/leave")
    town.post_form(f"{address}/send", {"message": "Two"})
    town.post_form(f"{address}/people", {"to": "ben"})
    as_("cleo").post_form(f"{address}/leave")
    town.post_form(f"{address}/name", {"name": "Bread"})
    db.session.commit()
    assert recount.recount()["drift"] == 0
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.state == "failed")) == 0


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
    assert mail.subject == "2 new messages in ana, Cleo"
    assert "Cleo: > Rolls ana: > <b>Buns</b>" in " ".join(mail.text.split())
    assert "<b>" not in mail.html and "Buns" in mail.html


@pytest.mark.parametrize("number", ["0", "2147483648", "9" * 30])
@pytest.mark.parametrize("path", ["", "/new", "/people"])
def test_a_number_that_no_conversation_has_is_not_found(town, number, path):
    assert town.get(f"/messages/thread/{number}{path}").status_code == 404
