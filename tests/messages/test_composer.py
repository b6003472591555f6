"""Beginning a conversation: names that are suggested, names that are typed, and what is kept when it is refused."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from sqlalchemy import func, select

from app.models import Block, Conversation, Message
from tests.factories import a_follow, a_message, a_user
from tests.support.rows import words


def suggested(browser, q="") -> list[str]:
    """The usernames that are suggested, best first."""
    return [one["username"] for one in facts(browser, q)]


def facts(browser, q="") -> list[dict]:
    answer = browser.get("/messages/recipients", query_string={"q": q})
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    return answer.json


def chosen(page: str) -> list[str]:
    """Whom a page of the composer shows as chosen."""
    raw = re.search(r'data-chosen="([^"]*)"', page)[1]
    return [one["username"] for one in json.loads(unescape(raw))]


def test_suggestions_list_contacts_first(as_, db):
    ana = as_("ana")
    stranger = a_user("marlo")
    follower, followed = a_user("marta"), a_user("marie")
    wrote_first, wrote_last = a_user("marek"), a_user("marina")
    a_follow(follower, ana.user)
    a_follow(ana.user, followed)
    a_message(wrote_last, ana.user)
    a_message(wrote_first, ana.user)
    a_message(ana.user, wrote_last)
    assert suggested(ana, "mar") == ["marina", "marek", "marie", "marta", stranger.username]
    assert suggested(ana, "MARI") == ["marina", "marie"]
    assert suggested(ana) == ["marina", "marek", "marie", "marta"]


def test_suggestions_match_every_script_and_any_word_of_a_name(as_, db):
    ana = as_("ana")
    a_user("jose", name="José Ñandú")
    a_user("kenji", name="山田 健二")
    a_user("layla", name="ليلى حداد")
    a_follow(ana.user, a_user("zoe", name="Zoë van Dijk"))
    assert suggested(ana, "nan") == ["jose"]
    assert suggested(ana, "ñandu jos") == ["jose"]
    assert suggested(ana, "山田") == ["kenji"]
    assert suggested(ana, "حداد") == ["layla"]
    assert suggested(ana, "dij") == ["zoe"]
    assert suggested(ana, "d") == ["zoe"]  # among those one knows a letter is enough
    assert suggested(ana, "@jose") == ["jose"]
    assert suggested(ana, "nobody") == []
    for odd in ("%", "_", "'", '"', "*", "\\", "@", "\0", "a" * 5000):
        assert suggested(ana, odd) == []


@pytest.mark.parametrize("direction", ["by me", "by them"])
def test_blocked_members_are_not_suggested(as_, db, direction):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    assert suggested(ana, "be") == suggested(ana) == ["ben"]
    blocker, blocked = (ana.user, ben) if direction == "by me" else (ben, ana.user)
    db.session.add(Block(blocker_id=blocker.id, blocked_id=blocked.id))
    db.session.commit()
    assert suggested(ana, "be") == suggested(ana) == suggested(ana, "ben") == []


def test_inactive_members_and_the_viewer_are_not_suggested(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    ben.active = False
    db.session.commit()
    assert suggested(ana, "be") == suggested(ana) == suggested(ana, "an") == []


def test_composer_shows_which_recipients_accept_no_messages(as_, db):
    ana = as_("ana")
    a_user("closed", name="Closed Door", message_privacy="nobody")
    a_user("open_house", name="Open House")
    (closed,) = facts(ana, "closed")
    assert not closed["writable"]
    assert closed["sentence"] == "Closed Door isn't accepting new messages."
    (stranger,) = facts(ana, "house")
    assert stranger["writable"]
    assert stranger["sentence"] == "Open House doesn't follow you, so this will be sent as a message request."
    page = words(ana.get("/messages/write?to=closed+open_house").text)
    assert closed["sentence"] in page
    assert stranger["sentence"] in page


def test_suggestions_are_limited_and_take_two_statements(as_, db, queries):
    ana = as_("ana")
    for number in range(20):
        person = a_user(f"person{number}")
        a_follow(ana.user, person)
    suggested(ana, "pers")
    with queries() as asked:
        assert len(suggested(ana, "pers")) == 8
    assert len(asked) == 2, asked


@pytest.mark.one_database  # the limits are in Redis
@pytest.mark.slow
def test_suggestion_requests_are_rate_limited(as_, rate_limits):
    ana = as_("ana")
    answers = {ana.get("/messages/recipients?q=a").status_code for _ in range(130)}
    assert answers == {200, 429}


def test_single_recipient_opens_the_conversation(as_, db):
    ana, ben = as_("ana"), as_("ben")
    answer = ana.submit("/messages/write", {"to": "ben", "message": "Are you there?"}, action="/messages/groups")
    assert answer.status_code == 303
    assert "Are you there?" in ana.follow(ana.follow(answer)).text
    assert "Are you there?" in ben.get("/messages/ana").text
    assert db.session.scalar(select(Conversation.pair_key)) is not None


def test_several_recipients_create_a_group(as_, db):
    ana = as_("ana")
    for name in ("ben", "cleo"):
        a_user(name)
    fields = {"to": "@ben, cleo", "name": "Bakers", "message": "Bread?"}
    answer = ana.submit("/messages/write", fields, action="/messages/groups")
    assert answer.status_code == 303
    assert "Bakers" in ana.follow(answer).text
    assert db.session.scalars(select(Conversation.pair_key)).all() == [None]


@pytest.mark.parametrize(
    ("to", "message", "said"),
    [
        ("ben nobodi", "kept words", "No user named @nobodi."),
        ("closed", "kept words", "Closed Door isn't accepting new messages."),
        ("ana", "kept words", "Add a recipient."),
        ("ben", "", "Write something first."),
        ("", "kept words", ""),
    ],
)
def test_rejected_message_keeps_the_input(as_, db, to, message, said):
    ana = as_("ana")
    a_user("ben")
    a_user("closed", name="Closed Door", message_privacy="nobody")
    answer = ana.submit(
        "/messages/write", {"to": to, "message": message, "name": "Kept name"}, action="/messages/groups"
    )
    assert answer.status_code == 422
    assert said in words(answer.text)
    assert message in answer.text
    assert f'value="{to}"' in answer.text
    assert "Kept name" in answer.text
    assert db.session.scalar(select(func.count()).select_from(Message)) == 0


def test_recipients_from_the_url_are_preselected(as_):
    ana = as_("ana")
    a_user("ben")
    page = ana.get("/messages/write?to=@Ben,+nobodi+ana").text
    assert chosen(page) == ["ben"]
    assert 'data-rest="nobodi ana"' in page
    assert ana.get("/messages/write", query_string={"to": "x " * 4000}).status_code == 200
    assert ana.get("/messages/write", query_string={"to": '"><script>'}).status_code == 200


def test_names_are_escaped_in_the_composer(as_):
    ana = as_("ana")
    a_user("ben", name='"><script>alert(1)</script>')
    for path in ("/messages/write?to=ben", "/messages/ben"):
        assert "<script>alert" not in ana.get(path).text


def test_form_sent_twice_sends_one_message(as_, db):
    ana = as_("ana")
    a_user("ben")
    fields = {"to": "ben", "message": "Once", "form_key": "the same"}
    for _ in range(2):
        assert ana.post_form("/messages/groups", fields).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1


@pytest.mark.parametrize(
    "name", ["write", "requests", "search", "recipients", "thread", "groups", "image", "delivered"]
)
def test_names_of_message_pages_are_reserved_usernames(client, name):
    fields = {
        "username": name,
        "email": "x@example.org",
        "password": "tide pool lantern",
        "password2": "tide pool lantern",
    }
    assert client.post_form("/auth/register", fields).status_code == 422


def test_first_empty_field_gets_the_focus(as_):
    ana = as_("ana")
    a_user("ben")
    page = ana.get("/messages/write").text
    assert re.findall(r"<(?:input|textarea)[^>]*autofocus[^>]* id=\"(\w+)\"", page) == ["to"]
    page = ana.get("/messages/write?to=ben").text
    assert re.findall(r"<(?:input|textarea)[^>]*autofocus[^>]* id=\"(\w+)\"", page) == ["message"]
