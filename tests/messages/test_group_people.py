"""The people of a group: what those who join and leave can see, who has read what, and who may do what."""

from __future__ import annotations

import re

from sqlalchemy import func, select

from app.messages import counters
from app.models import Block, Job
from app.queries import unread
from tests.factories import a_follow
from tests.support.forms import forms_of
from tests.support.groups import begin, events, states, texts, the_group


def test_new_group_member_sees_only_later_messages(ana_with_contacts, as_, db):
    begin(ana_with_contacts)
    group, dora = the_group(db), as_("dora")
    a_follow(dora.user, ana_with_contacts.user)
    address = f"/messages/thread/{group.id}"
    assert as_("ben").post_form(f"{address}/send", {"message": "Before"}).status_code == 303
    for _ in range(2):  # a double click adds once
        assert ana_with_contacts.post_form(f"{address}/people", {"to": "dora"}).status_code == 303
    assert events(db, group) == [("added", {"user_id": dora.user.id, "username": "dora"})]
    ana_with_contacts.post_form(f"{address}/send", {"message": "After"})
    page = dora.get(address)
    assert "After" in page.text and "added you" in texts(page)
    assert "Before" not in page.text and "Bread?" not in page.text
    assert "Before" not in dora.get(f"{address}/new?after=0").text
    assert "Before" not in dora.get(f"{address}?before=4").text
    assert unread.message_count(dora.user.id) == 1
    assert unread.message_count(ana_with_contacts.people["cleo"].id) == 3  # an event counts in no badge
    assert "ana added @dora" in texts(as_("ben").get(address))


def test_former_group_member_sees_nothing_and_can_be_invited_again(ana_with_contacts, as_, db, run_jobs, mails):
    begin(ana_with_contacts)
    group, ben = the_group(db), as_("ben")
    address = f"/messages/thread/{group.id}"
    since = ben.get("/notifications").get_json()[-1]["timestamp"]
    for _ in range(2):
        assert ben.post_form(f"{address}/leave").headers["Location"] == "/messages"
    assert events(db, group) == [("left", {})]
    told = {one["name"]: one["data"] for one in ben.get(f"/notifications?since={since}").get_json()}
    assert told["unread_message_count"] == 0 and told["conversation"]["group"] == group.id
    ana_with_contacts.post_form(f"{address}/send", {"message": "Ben?"})
    assert unread.message_count(ben.user.id) == 0
    assert address not in ben.get("/messages").text
    for path in (address, f"{address}/people", f"{address}/new?after=0"):
        assert ben.get(path).status_code == 404
    assert ben.post_form(f"{address}/send", {"message": "Am I in?"}).status_code == 404
    run_jobs(advance=3600)
    assert mails.to("ben@example.org") == []
    assert "Ben left." in texts(ana_with_contacts.get(address))

    ana_with_contacts.post_form(f"{address}/people", {"to": "ben"})
    assert states(db, group)[ben.user.id] == "request"  # he left: they know each other, and still he is asked
    assert unread.request_count(ben.user.id) == 1
    page = ben.get(address)
    assert "Ben?" not in page.text and "Bread?" not in page.text
    ben.post_form(f"{address}/leave")
    a_follow(ben.user, ana_with_contacts.user)
    ana_with_contacts.post_form(f"{address}/people", {"to": "ben"})
    assert states(db, group)[ben.user.id] == "request"  # nor does following bring him back unasked


def test_last_member_can_leave_the_group(ana_with_contacts, as_, db):
    begin(ana_with_contacts)
    group = the_group(db)
    for browser in (ana_with_contacts, as_("ben"), as_("cleo")):
        assert browser.post_form(f"/messages/thread/{group.id}/leave").status_code == 303
    assert set(states(db, group).values()) == {"left"}
    assert ana_with_contacts.get(f"/messages/thread/{group.id}").status_code == 404


def test_invited_member_must_accept_before_changing_the_group(ana_with_contacts, as_, db):
    begin(ana_with_contacts, to="ben dora")
    group, dora = the_group(db), as_("dora")
    answer = dora.post_form(f"/messages/thread/{group.id}/name", {"name": "Mine"})
    assert answer.status_code == 422
    assert "Accept the request first" in texts(answer)
    assert dora.post_form(f"/messages/thread/{group.id}/people", {"to": "cleo"}).status_code == 422
    assert "Invited" in texts(ana_with_contacts.get(f"/messages/thread/{group.id}/people"))
    assert dora.post_form(f"/messages/thread/{group.id}/leave").status_code == 303
    assert unread.request_count(dora.user.id) == 0


def test_nonmembers_cannot_change_the_group(ana_with_contacts, as_, db):
    begin(ana_with_contacts)
    group, dora = the_group(db), as_("dora")
    before = states(db, group)
    for path, fields in (("name", {"name": "Mine"}), ("people", {"to": "dora"}), ("send", {"message": "Hi"})):
        assert dora.post_form(f"/messages/thread/{group.id}/{path}", fields).status_code == 404
    assert dora.post_form(f"/messages/thread/{group.id}/leave").status_code == 303  # says nothing of what there is
    assert dora.get(f"/messages/thread/{group.id}/people").status_code == 404
    assert (the_group(db).name, the_group(db).newest_seq, states(db, group)) == ("Bakers", 1, before)


def test_blocked_members_messages_in_a_group_are_collapsed_and_not_counted(ana_with_contacts, as_, db, run_jobs, mails):
    begin(ana_with_contacts)
    group, ben = the_group(db), ana_with_contacts.people["ben"]
    db.session.add(Block(blocker_id=ana_with_contacts.user.id, blocked_id=ben.id))
    db.session.commit()
    as_("ben").post_form(f"/messages/thread/{group.id}/send", {"message": "You again"})
    assert unread.message_count(ana_with_contacts.user.id) == 0
    page = ana_with_contacts.get(f"/messages/thread/{group.id}").text
    assert re.search(r"<details[^>]*>\s*<summary>[^<]*blocked[^<]*</summary>(?:(?!</details>).)*You again", page, re.S)
    assert "<details" not in as_("cleo").get(f"/messages/thread/{group.id}").text.partition("You again")[0][-400:]
    found = ana_with_contacts.get("/messages/search?q=again").text
    assert "Message from someone you blocked" in found and "You <mark>again" not in found
    assert "You <mark>again" in as_("cleo").get("/messages/search?q=again").text
    report = ana_with_contacts.get(f"/report/{group.id}").text
    assert re.search(r"<summary>Message from someone you blocked</summary>(?:(?!</details>).)*You again", report, re.S)
    run_jobs(advance=3600)
    assert mails.to("ana@example.org") == []
    as_("ben").post_form(f"/messages/thread/{group.id}/leave")
    assert (
        '<details class="collapsed"' in ana_with_contacts.get(f"/messages/thread/{group.id}").text
    )  # also when he is gone


def test_group_read_receipts_are_shared_only_by_members_who_enabled_them(ana_with_contacts, as_, db):
    begin(ana_with_contacts)
    group, ben, cleo = the_group(db), as_("ben"), as_("cleo")
    address = f"/messages/thread/{group.id}"
    for browser in (ben, cleo):
        browser.post_form(f"{address}/read", {"seq": 1})
    assert "data-read-by" not in ana_with_contacts.get(f"{address}/people").text  # she does not show what she reads
    ana_with_contacts.user.receipts = ben.user.receipts = True
    db.session.commit()
    page = ana_with_contacts.get(f"{address}/people").text
    (readers,) = re.findall(r'data-read-by="1">(.*?)</li>', page, re.S)
    assert "Ben" in readers and "Cleo" not in readers
    ana_with_contacts.post_form(f"{address}/send", {"message": "And now?"})
    page = ana_with_contacts.get(f"{address}/people").text
    (readers,) = re.findall(r'data-read-by="2">(.*?)</li>', page, re.S)
    assert "Ben" not in readers


def test_group_page_works_without_javascript(ana_with_contacts, db):
    begin(ana_with_contacts, to="ben cleo")
    group = the_group(db)
    page = f"/messages/thread/{group.id}/people"
    actions_of_page = {form["action"] for form in forms_of(ana_with_contacts.get(page).text)}
    assert {f"/messages/thread/{group.id}/{path}" for path in ("name", "people", "leave")} <= actions_of_page
    a_follow(ana_with_contacts.people["dora"], ana_with_contacts.user)
    assert ana_with_contacts.submit(page, {"to": "dora"}, action=page).status_code == 303
    assert states(db, group)[ana_with_contacts.people["dora"].id] == "accepted"


def test_group_counters_match_a_recount(ana_with_contacts, as_, db):
    """What is kept beside the messages is what counting them anew would say."""
    begin(ana_with_contacts, to="ben dora")
    group = the_group(db)
    address = f"/messages/thread/{group.id}"
    ben = as_("ben")
    ben.post_form(f"{address}/send", {"message": "One"})
    ana_with_contacts.post_form(f"{address}/people", {"to": "cleo"})
    ben.post_form(f"{address}/leave")
    ana_with_contacts.post_form(f"{address}/send", {"message": "Two"})
    ana_with_contacts.post_form(f"{address}/people", {"to": "ben"})
    as_("cleo").post_form(f"{address}/leave")
    ana_with_contacts.post_form(f"{address}/name", {"name": "Bread"})
    db.session.commit()
    assert counters.recount()["drift"] == 0
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.state == "failed")) == 0
