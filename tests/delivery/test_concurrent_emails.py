"""Mails to one person that several workers would send at the same time."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import mailer
from app.core.time import now
from app.extensions import db as the_db
from app.jobs import perform
from app.models import Job, User
from tests.delivery.events import record_events, set_preference
from tests.factories import a_user


@pytest.mark.parametrize("kind", ["login", "mention"])
def test_concurrent_email_jobs_do_not_report_the_same_event(db, app, run_jobs, mails, monkeypatch, kind):
    ben = a_user("ben")
    ben_id = ben.id  # asked later, it would begin a transaction that does not see what the jobs do
    set_preference(ben, kind, mail="now")
    deliver = mailer.deliver

    def slowly(message):
        """Meanwhile something else happens, and another worker has time for it."""
        monkeypatch.setattr(mailer, "deliver", deliver)
        other = threading.Thread(target=_elsewhere, args=(app, kind, ben_id))
        other.start()
        other.join()
        deliver(message)

    record_events(kind, ben)
    monkeypatch.setattr(mailer, "deliver", slowly)
    run_jobs(advance=60)
    run_jobs(advance=60)
    assert len(mails) == 2
    assert not any("2 new" in mail.subject for mail in mails), [mail.subject for mail in mails]


def _elsewhere(app, kind: str, user_id: int) -> None:
    with app.app_context():
        record_events(kind, the_db.session.get_one(User, user_id))
        identity = the_db.session.scalars(select(Job.id).where(Job.state == "queued", Job.queue == "mail")).one()
        the_db.session.execute(update(Job).where(Job.id == identity).values(run_after=Job.queued_at))  # a minute later
        the_db.session.commit()
    with app.app_context():
        perform(identity)


def test_email_waits_for_the_job_of_a_killed_worker(db, run_jobs, mails):
    """The dead one may have told of everything; found dead, it lost its unique key to the one that waits."""
    ben = a_user("ben")
    set_preference(ben, "mention", mail="now")
    record_events("mention", ben)
    died = db.session.scalars(select(Job).where(Job.queue == "mail")).one()
    died.unique_key, died.attempts, died.crashes, died.run_after = None, 1, 1, now() + timedelta(seconds=300)
    db.session.commit()
    record_events("mention", ben)
    run_jobs(advance=100)
    assert len(mails) == 0
    run_jobs(advance=300)
    assert len(mails) == 1
    assert mails[0].message_id.startswith(f"<{died.id}@")
    assert "2 new" in mails[0].subject
