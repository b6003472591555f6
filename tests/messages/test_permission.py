"""May I write to you? The page says so before anything is written, sending says the same, and nothing else moves.

The table is written out by hand: one line for each way to know each other, one column for each choice of the other one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlalchemy import func, select, update

from app.extensions import db as the_db
from app.models import Block, ConversationMember, Message, User
from tests.factories import a_follow, a_message, a_user

CHOICES = ("everyone", "friends_of_friends", "following", "nobody")
NO = "You can't message this person."
SENTENCES = {
    "allowed": "",
    "request": "Ben Benson doesn't follow you, so this will be sent as a message request.",
    "silent": "Ben Benson doesn't follow you, so this will be sent as a message request.",  # to who has declined
    "known": "Ben Benson only accepts messages from people they follow and the people those people follow.",
    "following": "Ben Benson only accepts messages from people they follow.",
    "nobody": "Ben Benson isn't accepting new messages.",
    "no": NO,
}
STRANGER = ("request", "known", "following", "nobody")
#                            everyone   known      following    nobody
TABLE = {
    "a stranger": STRANGER,
    "a friend of a friend": ("request", "request", "following", "nobody"),
    "followed by them": ("allowed", "allowed", "allowed", "nobody"),
    "a follower of theirs": STRANGER,
    "followed, and follows": ("allowed", "allowed", "allowed", "nobody"),
    "in a conversation": ("allowed", "allowed", "allowed", "allowed"),
    "declined": ("silent", "known", "following", "nobody"),
    "declined, then followed": ("allowed", "allowed", "allowed", "nobody"),
    "blocked by them": ("no", "no", "no", "no"),
    "blocking them": ("no", "no", "no", "no"),
    "to an account that rests": ("no", "no", "no", "no"),
}
REFUSED = ("known", "following", "nobody", "no")
TEXT = "Would you lend me <the> small boat?"


def followed_through_cleo(ana: User, ben: User) -> None:
    cleo = a_user("cleo")
    a_follow(ben, cleo)
    a_follow(cleo, ana)


def talking(ana: User, ben: User) -> None:
    """They know each other: one has written."""
    a_message(ben, ana, "an earlier word")


def declined(ana: User, ben: User) -> None:
    """They began to talk, and it was not welcome."""
    talking(ana, ben)
    bens = ConversationMember.user_id == ben.id
    the_db.session.execute(update(ConversationMember).where(bens).values(state="declined"))


def blocked(blocker: User, other: User) -> None:
    the_db.session.add(Block(blocker_id=blocker.id, blocked_id=other.id))


def inactive_recipient(ana: User, ben: User) -> None:
    talking(ana, ben)
    ben.active = False


WAYS: dict[str, Callable[[User, User], object]] = {
    "a stranger": lambda ana, ben: None,
    "a friend of a friend": followed_through_cleo,
    "followed by them": lambda ana, ben: a_follow(ben, ana),
    "a follower of theirs": a_follow,
    "followed, and follows": lambda ana, ben: (a_follow(ana, ben), a_follow(ben, ana)),
    "in a conversation": talking,
    "declined": declined,
    "declined, then followed": lambda ana, ben: (declined(ana, ben), a_follow(ben, ana)),
    "blocked by them": lambda ana, ben: (talking(ana, ben), blocked(ben, ana)),
    "blocking them": lambda ana, ben: (talking(ana, ben), blocked(ana, ben)),
    "to an account that rests": inactive_recipient,
}


def words(html: str) -> str:
    """What a reader of the page reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def polled_state(browser, name: str) -> int:
    """The state that a poll of this person tells; 0 when it tells none."""
    return next((one["data"] for one in browser.get("/notifications").json if one["name"] == name), 0)


def count(db) -> int:
    return db.session.scalar(select(func.count()).select_from(Message))


CASES = [(way, choice, expected) for way, row in TABLE.items() for choice, expected in zip(CHOICES, row, strict=True)]


@pytest.fixture
def pair(as_, db, run_jobs, mails):
    """`pair(way, choice)`: browsers of ana and of ben, who know each other in this way; ben has made that choice."""

    def make(way: str, choice: str):
        ana, ben = as_("ana"), as_(a_user("ben", name="Ben Benson", message_privacy=choice))
        WAYS[way](ana.user, ben.user)
        db.session.commit()
        run_jobs(advance=3600)
        mails.clear()
        return ana, ben

    return make


@pytest.mark.parametrize(("way", "choice", "expected"), CASES)
def test_conversation_page_shows_whether_messages_are_allowed(pair, way, choice, expected):
    ana, _ben = pair(way, choice)
    page = ana.get("/messages/ben")
    assert page.status_code == 200
    said = {sentence for sentence in SENTENCES.values() if sentence and sentence in words(page.text)}
    assert said == {SENTENCES[expected]} - {""}


@pytest.mark.slow
@pytest.mark.parametrize(("way", "choice", "expected"), CASES)
def test_sending_follows_the_message_privacy_rules(pair, db, mails, run_jobs, way, choice, expected):
    ana, ben = pair(way, choice)
    earlier = count(db)
    answer = ana.post_form("/send_message/ben", {"message": TEXT})
    refused = expected in REFUSED
    assert answer.status_code == (422 if refused else 303)
    if refused:
        assert SENTENCES[expected] in words(answer.text)
        assert TEXT in unescape(answer.text)  # nothing is lost
    assert count(db) == earlier + (not refused)
    run_jobs(advance=3600)
    ben.user.active = True  # or nobody could ask what ben is told
    assert polled_state(ben, "unread_message_count") == (expected == "allowed")
    assert polled_state(ben, "message_request_count") == (expected == "request")
    assert polled_state(ben, "unread_activity_count") == 0
    assert len(mails.to("ben@example.org")) == (expected == "allowed")
    assert (TEXT in unescape(ben.get("/messages").text)) == (expected == "allowed")
    assert (TEXT in unescape(ana.get("/messages").text)) == (not refused)  # the writer notices nothing
