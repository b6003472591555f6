"""Floods: who writes too much is told so, keeps their text, and may go on later. New accounts have less room."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import func, insert, select, update

from app.core.time import now
from app.messages.actions import rate_limits
from app.messages.queries.conversations import between
from app.models import Block, Conversation, ConversationMember, Message
from tests.factories import a_follow, a_message, a_user

FAST = "You're sending messages too fast. Please wait a minute. Your text is still here."
MANY = "You've reached today's message limit. Your text is still here."
BEGUN = "You've reached today's limit for new conversations. Your text is still here."
WAIT = "Please wait for a reply before sending more. Your text is still here."
YOUNG, OLD = timedelta(days=6), timedelta(days=8)
A_MINUTE = {YOUNG: 10, OLD: 30}
A_DAY = {YOUNG: 100, OLD: 500}
BEGUN_A_DAY = {YOUNG: 8, OLD: 30}

of_every_age = pytest.mark.parametrize("age", [YOUNG, OLD], ids=["new", "known"])


@pytest.fixture
def sender(as_, db):
    """`sender(age, sent, ago)`: ana's browser; her account is so old, and she sent ben so many messages so long ago."""

    def make(age: timedelta, sent: int = 0, ago: timedelta = timedelta()):
        ana, ben = as_(a_user("ana", created_at=now() - age)), a_user("ben")
        a_message(ben, ana.user)
        conversation = between(ana.user, ben)
        earlier = [
            {"conversation_id": conversation.id, "seq": seq, "sender_id": ana.user.id, "body": "-"}
            | {"created_at": now() - ago}
            for seq in range(2, sent + 2)
        ]
        if earlier:
            db.session.execute(insert(Message), earlier)
            db.session.execute(update(Conversation).values(newest_seq=sent + 1))
        return ana

    return make


def stored(db) -> int:
    return db.session.scalar(select(func.count()).select_from(Message))


def assert_rejected(browser, db, sentence: str, to: str = "ben") -> None:
    """The next message is refused in these words, its text is still there, and nothing has changed."""
    before = stored(db)
    answer = browser.post_form(f"/send_message/{to}", {"message": "one & two more"})
    assert answer.status_code == 422
    assert sentence in unescape(answer.text)
    assert "one & two more" in unescape(answer.text)
    assert stored(db) == before


def assert_accepted(browser, to: str = "ben", text: str = "fine") -> None:
    assert browser.post_form(f"/send_message/{to}", {"message": text}).status_code == 303


@of_every_age
def test_messages_per_minute_are_limited(sender, db, age):
    ana = sender(age, A_MINUTE[age] - 1)
    assert_accepted(ana)
    assert_rejected(ana, db, FAST)
    long_ago = now() - timedelta(seconds=61)
    db.session.execute(update(Message).values(created_at=long_ago))
    assert_accepted(ana)


def test_renaming_a_group_counts_toward_the_message_limit(ana, people, db):
    text = " ".join(person.username for person in people[:2])
    for person in people[:2]:
        a_follow(person, ana.user)
    assert ana.post_form("/messages/groups", {"to": text, "message": "Hello", "name": "0"}).status_code == 303
    group = db.session.scalars(select(Conversation).where(Conversation.pair_key.is_(None))).one()
    path = f"/messages/thread/{group.id}/name"
    for number in range(1, A_MINUTE[YOUNG]):
        assert ana.post_form(path, {"name": str(number)}).status_code == 303
    answer = ana.post_form(path, {"name": "once more"})
    assert answer.status_code == 422
    assert "sending messages too fast." in answer.text and "once more" in answer.text
    assert stored(db) == A_MINUTE[YOUNG]


@of_every_age
def test_messages_per_day_are_limited(sender, db, age):
    ana = sender(age, A_DAY[age] - 1, timedelta(hours=23))
    assert_accepted(ana)
    assert_rejected(ana, db, MANY)
    db.session.execute(update(Message).values(created_at=now() - timedelta(hours=25)))
    assert_accepted(ana)


@of_every_age
@pytest.mark.slow
def test_new_conversations_per_day_are_limited(sender, db, age):
    ana, most = sender(age), BEGUN_A_DAY[age]
    people = [a_user(f"person{number}") for number in range(most + 2)]
    for person in people[:most]:
        assert_accepted(ana, person.username)
        db.session.execute(update(Message).values(created_at=now() - timedelta(hours=2)))  # not so fast
    assert_rejected(ana, db, BEGUN, people[most].username)
    assert_accepted(ana)  # an old conversation goes on
    db.session.execute(update(Conversation).values(started_at=now() - timedelta(hours=25)))
    assert_accepted(ana, people[most].username)


def test_sender_of_a_request_may_send_three_messages_before_a_reply(sender, as_, db):
    ana = sender(OLD)
    cleo = as_("cleo")
    for number in range(3):
        assert_accepted(ana, "cleo", f"question {number}")
    assert_rejected(ana, db, WAIT, "cleo")
    assert cleo.post_form("/send_message/ana", {"message": "answer"}).status_code == 303
    for number in range(4):
        assert_accepted(ana, "cleo", f"and more {number}")


def test_limit_without_a_reply_remains_after_a_declined_request(sender, db):
    """Who is declined hears nothing of it: they wait for an answer, as before."""
    ana, cleo = sender(OLD), a_user("cleo")
    assert_accepted(ana, "cleo")
    hers = ConversationMember.user_id == cleo.id
    db.session.execute(update(ConversationMember).where(hers).values(state="declined"))
    assert_accepted(ana, "cleo")
    assert_accepted(ana, "cleo")
    assert_rejected(ana, db, WAIT, "cleo")
    a_follow(cleo, ana.user)
    assert_accepted(ana, "cleo")


def test_resubmitted_form_does_not_count_toward_the_limit(sender, db):
    """Whose answer was lost sends again, and hears what the first answer said, also when that was the last one."""
    ana = sender(YOUNG, A_MINUTE[YOUNG] - 1)
    form = {"message": "the last one", "form_key": "once"}
    for _ in range(2):
        assert ana.post_form("/send_message/ben", form).status_code == 303
    assert_rejected(ana, db, FAST)


@pytest.mark.slow
def test_message_limit_returns_422_until_the_request_limit_returns_429(sender, db, rate_limits):
    """The limit of requests is one of addresses: an account hears of its own limit, with its text in the form."""
    ana = sender(OLD, A_MINUTE[OLD])
    answers = [ana.post_form("/send_message/ben", {"message": "again"}).status_code for _ in range(101)]
    assert answers == [422] * 100 + [429]


def test_message_limit_of_one_member_does_not_affect_others(sender, as_, db):
    ana = sender(YOUNG, A_MINUTE[YOUNG])
    assert_rejected(ana, db, FAST)
    assert_accepted(as_("ben"), "ana")


def test_disabled_rate_limits_reject_nothing(sender, db, configure):
    configure(RATELIMIT_ENABLED=False)
    ana = sender(YOUNG, A_DAY[YOUNG] + 10)
    assert_accepted(ana)
    a_user("cleo")
    for number in range(5):
        assert_accepted(ana, "cleo", f"question {number}")


def test_conversation_counts_as_new_from_its_first_message(sender, db):
    """Drafts of yesterday are no way to begin with everybody today; and who only began to type has not begun."""
    ana, most = sender(YOUNG), BEGUN_A_DAY[YOUNG]
    people = [a_user(f"person{number}") for number in range(most + 1)]
    for person in people:
        assert ana.post_form(f"/messages/{person.username}/draft", {"message": "Dear"}).status_code == 303
    db.session.execute(update(Conversation).values(started_at=now() - timedelta(hours=25)))
    for person in people[:most]:
        assert_accepted(ana, person.username)
        db.session.execute(update(Message).values(created_at=now() - timedelta(hours=2)))
    assert_rejected(ana, db, BEGUN, people[most].username)


@pytest.fixture
def ana(as_):
    return as_("ana")


@pytest.fixture
def people(ana):
    return [a_user(f"person{number}") for number in range(3)]


def test_number_of_conversations_created_by_drafts_is_limited(ana, people, db, monkeypatch):
    monkeypatch.setattr(rate_limits, "DRAFTS", 2)
    for person in people:
        assert ana.post_form(f"/messages/{person.username}/draft", {"message": "Dear"}).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Conversation)) == 2
    ana.post_form(f"/messages/{people[0].username}/draft", {"message": "Dearest"})
    assert "Dearest" in ana.get(f"/messages/{people[0].username}").text


def test_draft_to_a_member_who_cannot_be_messaged_is_not_stored(ana, people, db):
    db.session.add(Block(blocker_id=people[0].id, blocked_id=ana.user.id))
    people[1].message_privacy = "nobody"
    db.session.commit()
    for person in people[:2]:
        assert ana.post_form(f"/messages/{person.username}/draft", {"message": "Dear"}).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Conversation)) == 0


def test_null_characters_are_removed_from_drafts(ana, people):
    person = people[0].username
    assert ana.post_form(f"/messages/{person}/draft", {"message": "Dear\0est"}).status_code == 303
    assert "Dearest" in ana.get(f"/messages/{person}").text
