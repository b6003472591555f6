"""A report that two act upon at once: admins who suspend each other, and the end of the accused one's account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from app.accounts import deletion_jobs
from app.core.database import write_transaction
from app.core.time import now
from app.models import Report, User
from app.moderation.actions import locking
from tests.factories import a_message, a_user
from tests.moderation.conftest import newest_report, send_report
from tests.support.locks import wait_until_blocked

pytestmark = pytest.mark.slow


def test_only_one_of_two_admins_suspending_each_other_succeeds(members, db, as_):
    rita = as_(a_user("rita", role="admin"))
    found = []
    for accused in (rita, members.root):
        message = a_message(accused.user, members.ana.user, "Fool")
        assert send_report(members.ana, message.conversation_id, message.seq).status_code == 303
        found.append(newest_report(db))
    gate = Barrier(2)
    numbers = [report.id for report in found]
    db.session.commit()

    def suspend(judge, number):
        gate.wait()
        return judge.post_form(f"/moderation/{number}/suspend").status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(suspend, (members.root, rita), numbers))
    admins = select(User.username).where(User.role == "admin", User.active)
    assert len(db.session.scalars(admins).all()) == 1, answers
    assert 303 in answers


def test_account_can_be_deleted_while_a_moderator_acts_on_it(members, reported, db, app):
    ben, number = members.ben.user.id, reported.id
    members.ben.user.active, members.ben.user.deletion_due_at = False, now() - timedelta(hours=1)
    db.session.commit()

    def end_accounts():
        with app.app_context():
            deletion_jobs.delete_due()

    with ThreadPoolExecutor(1) as pool:
        with write_transaction():
            locking.lock(number)
            other = pool.submit(end_accounts)
            wait_until_blocked(db, other)
            assert locking.lock_person(ben, members.mia.user).username == "ben"
        other.result()
    assert db.session.scalar(select(User.id).where(User.id == ben)) is None
    assert db.session.get_one(Report, number).accused_name == "ben"
