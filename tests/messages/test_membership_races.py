"""One's own membership of a conversation, changed while somebody writes to it: what waited for a lock looks again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.database import write_transaction
from app.core.time import now
from app.messages import jobs
from app.messages.actions import membership, send_message
from app.models import Notification
from tests.support.changed_messages import conversation, member_of, send
from tests.support.locks import wait_until_blocked

pytestmark = pytest.mark.slow


@pytest.fixture
def run_during(db):
    """Do `deed` in a transaction, let somebody else do `other` meanwhile, and commit when that waits."""

    def run(deed, other):
        with ThreadPoolExecutor(1) as pool:
            with write_transaction():
                deed()
                waiting = pool.submit(other)
                wait_until_blocked(db, waiting)
            return waiting.result()

    return run


def test_draft_saved_while_its_message_is_sent_is_discarded(ana, ben, db, run_during):
    fields = {"message": "Hello", "own_seq": "0"}
    run_during(lambda: send_message(ana.user, ben.user, "Hello"), lambda: ana.post_form("/messages/ben/draft", fields))
    assert member_of(db, ana).draft == ""


def test_message_sent_after_the_poll_is_not_marked_delivered(ana, ben, db, run_during):
    send(ben, "one", to="ana")
    told = db.session.scalar(
        select(Notification.timestamp).where(Notification.user_id == ana.user.id, Notification.name == "conversation")
    )
    run_during(
        lambda: send_message(ben.user, ana.user, "two"),
        lambda: ana.post_form("/messages/delivered", {"timestamp": str(told)}),
    )
    assert member_of(db, ana).newest_seq == 2
    assert member_of(db, ana).delivered_seq < 2


def test_extended_mute_is_not_ended_by_a_concurrent_job(app, ana, ben, db, run_during):
    send(ben, "one", to="ana")
    this = conversation(db).id
    membership.mute(ana.user, this, 1)
    member_of(db, ana).muted_until = now() - timedelta(seconds=1)
    db.session.commit()
    person = ana.user.id

    def job():
        with app.app_context():
            jobs.end_mute(this, person)

    run_during(lambda: membership.mute(ana.user, this), job)
    assert member_of(db, ana).muted
