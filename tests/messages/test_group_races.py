"""A group in which everybody does something at once: nobody waits for ever, and its numbers fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import combinations
from threading import Barrier

import pytest
from sqlalchemy import select

from app.core.time import now
from app.messages import counters
from app.models import Conversation, ConversationMember, Message
from tests.factories import a_user, acquainted

NAMES = ("ana", "ben", "cleo", "dora", "emil", "fay")
ROUNDS = 3

pytestmark = pytest.mark.slow


@pytest.fixture
def friends(as_, db):
    """A browser of each of NAMES, who all write to each other."""
    browsers = {name: as_(a_user(name, created_at=now() - timedelta(days=30))) for name in NAMES}
    for one, other in combinations(browsers.values(), 2):
        acquainted(one.user, other.user)
    return browsers


def at_once(deeds) -> list[int]:
    """Do all of it at the same time; what each was answered."""
    gate = Barrier(len(deeds))

    def do(deed) -> int:
        gate.wait()
        return deed().status_code

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def test_repeated_clicks_create_one_group(as_, friends, db):
    form = {"to": "ben cleo", "name": "Bakers", "message": "Bread?", "form_key": "one form"}
    clicks = [as_(friends["ana"].user) for _ in range(5)]
    answers = at_once([lambda browser=browser: browser.post_form("/messages/groups", form) for browser in clicks])
    assert set(answers) == {303}
    group = db.session.scalars(select(Conversation).where(Conversation.pair_key.is_(None))).one()
    assert group.newest_seq == 1


def test_concurrent_group_actions_leave_consistent_counters(as_, friends, db):
    """Two groups of the same people: who reads in both, and who writes in both, take their locks in one order."""
    groups = []
    for _ in range(2):
        friends["ana"].post_form("/messages/groups", {"to": "ben cleo dora emil", "message": "Bread?"})
        groups.append(db.session.scalars(select(Conversation.id).order_by(Conversation.id.desc())).first())

    def post(who, path, **fields):
        browser = as_(friends[who].user)  # of its own: two threads do not share one
        return lambda: browser.post_form(path, fields)

    for number in range(ROUNDS):
        deeds = [post("emil", "/messages/delivered", timestamp="9999999999")]
        for group in groups:
            here = f"/messages/thread/{group}"
            deeds += [
                post("ana", f"{here}/send", message=f"from ana {number}"),
                post("ben", f"{here}/people", to="fay"),
                post("cleo", f"{here}/people" if number % 2 else f"{here}/leave", to="cleo fay"),
                post("dora", f"{here}/name", name=f"name {number}"),
                post("emil", f"{here}/read", seq=number + 1),
                post("fay", f"{here}/leave"),
            ]
        answers = at_once(deeds)
        assert set(answers) <= {200, 204, 303, 404, 422}, answers  # refused, perhaps; never failed
        for group in groups:
            friends["ana"].post_form(f"/messages/thread/{group}/people", {"to": "cleo"})
            friends["cleo"].post_form(f"/messages/thread/{group}/accept")

    for group in groups:
        numbers = select(Message.seq).where(Message.conversation_id == group).order_by(Message.id)
        found = list(db.session.scalars(numbers))
        assert found == list(range(1, len(found) + 1))
        bodies = db.session.scalars(select(Message.body).where(Message.conversation_id == group)).all()
        assert all(bodies.count(f"from ana {number}") == 1 for number in range(ROUNDS))
        memberships = db.session.scalars(select(ConversationMember).where(ConversationMember.conversation_id == group))
        assert all((membership.left_seq is None) == (membership.state != "left") for membership in memberships)
    db.session.commit()
    assert counters.recount()["drift"] == 0
