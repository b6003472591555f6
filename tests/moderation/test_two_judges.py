"""Two admins who suspend each other at once: one does it, and the server keeps an admin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from app.models import User
from tests.factories import a_message, a_user
from tests.moderation.conftest import newest, reports

pytestmark = pytest.mark.race


def test_of_two_who_suspend_each_other_one_stays(town, db, as_):
    rita = as_(a_user("rita", role="admin"))
    found = []
    for accused in (rita, town.root):
        message = a_message(accused.user, town.ana.user, "Fool")
        assert reports(town.ana, message.conversation_id, message.seq).status_code == 303
        found.append(newest(db))
    gate = Barrier(2)
    numbers = [report.id for report in found]
    db.session.commit()

    def suspend(judge, number):
        gate.wait()
        return judge.post_form(f"/moderation/{number}/suspend").status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(suspend, (town.root, rita), numbers))
    admins = select(User.username).where(User.role == "admin", User.active)
    assert len(db.session.scalars(admins).all()) == 1, answers
    assert 303 in answers
