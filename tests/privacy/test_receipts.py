"""Whom a block keeps apart, neither is told what the other reads, or that they are there."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Conversation
from tests.factories import a_user, acquainted
from tests.privacy.conftest import clock, do, say, told


@pytest.fixture
def open_people(ana, ben, db):
    """Both show each other what they read."""
    for browser in (ana, ben):
        browser.user.receipts = True
    db.session.commit()


def marks(page) -> list[str]:
    return re.findall(r'data-state="(\w+)"', page.text)


@pytest.mark.parametrize(("blocker", "blocked"), [("ana", "ben"), ("ben", "ana")])
def test_reading_is_shown_to_nobody_a_block_keeps_apart(ana, ben, db, open_people, blocker, blocked):
    say(ben, "ana", "hello")
    do({"ana": ana, "ben": ben}[blocker], "block", blocked)
    before = clock(ben)
    ana.post_form("/messages/delivered", {"timestamp": str(clock(ana))})
    ana.post_form("/messages/ben/read", {"seq": 1})
    assert told(ben, "conversation", before) == []
    assert marks(ben.get("/messages/ana")) == ["sent"]
    do({"ana": ana, "ben": ben}[blocker], "unblock", blocked)
    assert told(ben, "conversation", before)[-1]["read"] == 1
    assert marks(ben.get("/messages/ana")) == ["read"]


def test_in_a_group_neither(ana, ben, db, open_people):
    cleo = a_user("cleo", receipts=True)
    for person in (ana.user, ben.user):
        acquainted(person, cleo)
    ben.post_form("/messages/groups", {"to": "ana cleo", "message": "hello"})
    here = f"/messages/thread/{db.session.scalar(select(Conversation.id).where(Conversation.pair_key.is_(None)))}"
    do(ana, "block", "ben")
    before = clock(ben)
    ana.post_form(f"{here}/read", {"seq": 1})
    assert told(ben, "conversation", before) == []
    assert f"<bdi>{ana.user.display_name}</bdi>" not in ben.get(f"{here}/people").text.partition("data-read-by")[2]
    do(ana, "unblock", "ben")
    assert f"<bdi>{ana.user.display_name}</bdi>" in ben.get(f"{here}/people").text.partition("data-read-by")[2]
