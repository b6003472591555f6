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
    assert states(db, group)[ben.user.id] == "request"  # nor does following bring him back unasked


def test_the_last_one_may_leave(town, as_, db):
    begin(town)
    group = the_group(db)
    for browser in (town, as_("ben"), as_("cleo")):
        assert browser.post_form(f"/messages/thread/{group.id}/leave").status_code == 303
    assert set(states(db, group).values()) == {"left"}
    assert town.get(f"/messages/thread/{group.id}").status_code == 404


def test_who_was_asked_answers_before_changing_anything(town, as_, db):
    begin(town, to="ben dora")
    group, dora = the_group(db), as_("dora")
    answer = dora.post_form(f"/messages/thread/{group.id}/name", {"name": "Mine"})
    assert answer.status_code == 422
    assert "Accept the request first" in texts(answer)
    assert dora.post_form(f"/messages/thread/{group.id}/people", {"to": "cleo"}).status_code == 422
    assert "Invited" in texts(town.get(f"/messages/thread/{group.id}/people"))
    assert dora.post_form(f"/messages/thread/{group.id}/leave").status_code == 303
    assert unread.request_count(dora.user.id) == 0


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
    found = town.get("/messages/search?q=again").text
    assert "Message from someone you blocked" in found and "You <mark>again" not in found
    assert "You <mark>again" in as_("cleo").get("/messages/search?q=again").text
    report = town.get(f"/report/{group.id}").text
    assert re.search(r"<summary>Message from someone you blocked</summary>(?:(?!</details>).)*You again", report, re.S)
    run_jobs(advance=3600)
    assert mails.to("ana@example.org") == []
    as_("ben").post_form(f"/messages/thread/{group.id}/leave")
    assert '<details class="collapsed"' in town.get(f"/messages/thread/{group.id}").text  # also when he is gone


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
    assert counters.recount()["drift"] == 0
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.state == "failed")) == 0
