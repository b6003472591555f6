"""Whom a block keeps apart, neither is told what the other reads, or that they are there."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Conversation
from tests.factories import a_user, acquainted
from tests.privacy.conftest import newest_timestamp, polled_states, send_text, submit_action


@pytest.fixture
def open_people(ana, ben, db):
    """Both show each other what they read."""
    for browser in (ana, ben):
        browser.user.receipts = True
    db.session.commit()


def message_states(page) -> list[str]:
    return re.findall(r'data-state="(\w+)"', page.text)


@pytest.mark.parametrize(("blocker", "blocked"), [("ana", "ben"), ("ben", "ana")])
def test_block_hides_read_receipts(ana, ben, db, open_people, blocker, blocked):
    send_text(ben, "ana", "hello")
    submit_action({"ana": ana, "ben": ben}[blocker], "block", blocked)
    before = newest_timestamp(ben)
    ana.post_form("/messages/delivered", {"timestamp": str(newest_timestamp(ana))})
    ana.post_form("/messages/ben/read", {"seq": 1})
    assert polled_states(ben, "conversation", before) == []
    assert message_states(ben.get("/messages/ana")) == ["sent"]
    submit_action({"ana": ana, "ben": ben}[blocker], "unblock", blocked)
    assert polled_states(ben, "conversation", before)[-1]["read"] == 1
    assert message_states(ben.get("/messages/ana")) == ["read"]


def test_block_hides_read_receipts_in_a_group(ana, ben, db, open_people):
    cleo = a_user("cleo", receipts=True)
    for person in (ana.user, ben.user):
        acquainted(person, cleo)
    ben.post_form("/messages/groups", {"to": "ana cleo", "message": "hello"})
    here = f"/messages/thread/{db.session.scalar(select(Conversation.id).where(Conversation.pair_key.is_(None)))}"
    submit_action(ana, "block", "ben")
    before = newest_timestamp(ben)
    ana.post_form(f"{here}/read", {"seq": 1})
    assert polled_states(ben, "conversation", before) == []
    assert f"<bdi>{ana.user.display_name}</bdi>" not in ben.get(f"{here}/people").text.partition("data-read-by")[2]
    submit_action(ana, "unblock", "ben")
    assert f"<bdi>{ana.user.display_name}</bdi>" in ben.get(f"{here}/people").text.partition("data-read-by")[2]
