"""Counting anew, and forgetting: what a night does to what was told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.time import now
from app.jobs import enqueue
from app.models import Activity, Conversation, ConversationMember, Job, MailTally, Notification
from app.notifications import record_event
from tests.factories import a_message, a_user


@pytest.fixture
def run_job(db, run_jobs):
    """Run one upkeep job as the worker does; gives what it reports."""

    def run(name: str):
        row = enqueue(name)
        db.session.commit()
        run_jobs()
        return db.session.get(Job, row.id, populate_existing=True).result

    return run


def badge(browser, name):
    (told,) = [one["data"] for one in browser.get("/notifications").get_json() if one["name"] == name]
    return told


def test_recount_without_drift_changes_and_publishes_nothing(db, as_, run_job):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    record_event(ana.user.id, "follow", "x", actor=ben)
    db.session.commit()
    stamps = {one["name"]: one["timestamp"] for one in ana.get("/notifications").get_json()}
    assert run_job("notifications.recount") == {"checked": 2, "drift": 0}
    assert run_job("messages.recount")["drift"] == 0
    assert {one["name"]: one["timestamp"] for one in ana.get("/notifications").get_json()} == stamps


@pytest.mark.parametrize("name", ["unread_message_count", "unread_activity_count"])
def test_drifted_badge_is_repaired_published_and_reported(db, as_, run_job, caplog, name):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    record_event(ana.user.id, "follow", "x", actor=ben)
    db.session.commit()
    since = max(one["timestamp"] for one in ana.get("/notifications").get_json())
    db.session.execute(update(Notification).where(Notification.name == name).values(data=7))
    db.session.commit()
    assert run_job("notifications.recount") == {"checked": 2, "drift": 1}
    (told,) = ana.get(f"/notifications?since={since!r}").get_json()
    assert (told["name"], told["data"]) == (name, 1)
    assert f"{name} of person {ana.user.id} was 7, is 1" in caplog.text
    assert run_job("notifications.recount")["drift"] == 0


def test_drifted_conversation_counters_are_repaired(db, as_, run_job, caplog):
    ana, ben = as_("ana"), a_user("ben")
    a_message(ben, ana.user)
    last = a_message(ben, ana.user)
    db.session.commit()
    db.session.execute(update(Conversation).values(newest_seq=9))
    db.session.execute(
        update(ConversationMember)
        .where(ConversationMember.user_id == ana.user.id)
        .values(newest_seq=0, newest_message_id=0)
    )
    db.session.commit()
    assert "ben" not in ana.get("/messages").text.split("<main")[1]
    assert run_job("messages.recount") == {"checked": 6, "drift": 3}
    assert "is [2, 2, " in caplog.text
    assert db.session.scalar(select(Conversation.newest_seq)) == 2
    mine = select(ConversationMember).where(ConversationMember.user_id == ana.user.id)
    member = db.session.scalars(mine).one()
    assert (member.newest_seq, member.newest_message_id) == (2, last.id)
    assert badge(ana, "unread_message_count") == 2
    assert run_job("messages.recount")["drift"] == 0


def test_old_read_events_are_pruned_and_unread_events_are_kept(db, as_, run_job, configure):
    configure(ACTIVITY_DAYS=30)
    ana, ben = as_("ana"), a_user("ben")
    for subject in ("read long ago", "read lately", "unread", "held long ago", "held lately"):
        record_event(ana.user.id, "mention", subject, actor=ben)
    db.session.commit()
    long_ago, lately = now() - timedelta(days=31), now() - timedelta(days=29)
    for subject, values in {
        "read long ago": {"read_at": long_ago, "created_at": long_ago},
        "read lately": {"read_at": lately, "created_at": long_ago},
        "unread": {"created_at": long_ago},
        "held long ago": {"filtered_by": "new_account", "created_at": long_ago},
        "held lately": {"filtered_by": "new_account", "created_at": lately},
    }.items():
        db.session.execute(update(Activity).where(Activity.subject == subject).values(**values))
    record_event(ana.user.id, "login", "a browser", known=True)
    db.session.commit()
    db.session.execute(update(Activity).where(Activity.kind == "login").values(read_at=long_ago))
    db.session.add(MailTally(day=long_ago.date(), user_id=ana.user.id, sent=3))
    db.session.add(MailTally(day=now().date(), user_id=ana.user.id, sent=2))
    db.session.commit()
    run_job("notifications.forget_activity")
    left = set(db.session.scalars(select(Activity.subject)))
    assert left == {"read lately", "unread", "held lately", "a browser"}
    assert db.session.scalars(select(MailTally.sent)).all() == [2]
