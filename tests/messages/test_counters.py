"""Counting conversations anew knows of what was taken back, deleted and hidden."""

from __future__ import annotations

from sqlalchemy import select, update

from app.jobs import enqueue
from app.models import ConversationMember
from tests.support.changed_messages import address, member_of, messages, send


def test_recount_confirms_correct_counters_and_repairs_wrong_ones(ana, ben, db, run_jobs, assert_counters_correct):
    for body in ("first", "second", "third", "fourth"):
        send(ana, body)
    ana.post_form(address(db, 4, "undo"))
    ana.post_form(address(db, 3, "delete"), {"scope": "everybody"})
    ben.post_form(address(db, 3, "delete"), {"scope": "me"})
    assert_counters_correct(ana, ben)
    numbers = select(ConversationMember.newest_seq, ConversationMember.newest_message_id)
    before = sorted(db.session.execute(numbers).all())
    assert (member_of(db, ben).newest_seq, member_of(db, ben).newest_message_id) == (3, messages(db)[1].id)
    assert (member_of(db, ana).newest_seq, member_of(db, ana).newest_message_id) == (0, messages(db)[2].id)
    db.session.execute(update(ConversationMember).values(newest_seq=4, newest_message_id=messages(db)[3].id))
    enqueue("messages.recount")
    db.session.commit()
    (job,) = [job for job in run_jobs() if job.name == "messages.recount"]
    assert job.result["drift"] == 4
    assert sorted(db.session.execute(numbers).all()) == before
    assert_counters_correct(ana, ben)


def test_repaired_request_count_is_published(ana, as_, db, run_jobs):
    stranger = as_("zoe")
    send(stranger, "Hello", to="ana")
    db.session.execute(update(ConversationMember).values(newest_message_id=0))
    enqueue("messages.recount")
    db.session.commit()
    since = ana.get("/notifications").get_json()[-1]["timestamp"]
    run_jobs()
    told = {one["name"]: one["data"] for one in ana.get(f"/notifications?since={since}").get_json()}
    assert told["message_request_count"] == 1
