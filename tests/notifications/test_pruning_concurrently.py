"""The nightly forgetting of old events, beside people who do something with them at that moment."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import select, update

from app.activity.actions import restore
from app.core.database import set_read_mode
from app.core.time import now
from app.jobs import enqueue, perform
from app.models import Activity
from app.notifications import jobs, record_event
from app.queries.activity import place_of
from tests.factories import a_user

MOMENT = 0.7  # seconds in which the night gets as far as it can


def test_event_restored_during_pruning_is_kept(app, db):
    ana, ben = a_user("ana"), a_user("ben")
    set_read_mode(False)
    for subject in ("one", "two"):
        record_event(ana.id, "follow", subject, actor=ben)
    db.session.commit()
    long_ago = now() - timedelta(days=400)
    db.session.execute(update(Activity).values(filtered_by="new_account", created_at=long_ago))
    identity = enqueue("notifications.forget_activity").id
    db.session.commit()

    def night() -> None:
        with app.app_context():
            perform(identity)

    place = place_of(db.session.scalars(select(Activity).where(Activity.subject == "one")).one())
    assert restore(ana, [(place, place)]) == 1
    forgetting = threading.Thread(target=night)
    forgetting.start()
    forgetting.join(MOMENT)
    db.session.commit()
    forgetting.join()
    assert db.session.scalars(select(Activity.subject)).all() == ["one"]


def test_old_events_are_pruned_in_batches(db, run_jobs, monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 3)
    ana, ben = a_user("ana"), a_user("ben")
    for number in range(10):
        record_event(ana.id, "follow", str(number), actor=ben)
    db.session.commit()
    db.session.execute(update(Activity).where(Activity.subject != "5").values(read_at=now() - timedelta(days=400)))
    enqueue("notifications.forget_activity")
    db.session.commit()
    run_jobs()
    assert db.session.scalars(select(Activity.subject)).all() == ["5"]
