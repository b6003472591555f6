"""The first account of a server is its admin; there is never a second one by chance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from app.accounts.actions import register
from app.extensions import db as the_db
from app.models import User
from tests.accounts.steps import a_browser, the_user
from tests.accounts.steps import register as fill_in
from tests.factories import PASSWORD


def test_the_first_is_admin_and_the_others_are_members(app, db):
    for name in ("ana", "ben", "zoe"):
        assert fill_in(a_browser(app), name).status_code == 303
    assert [the_user(name).role for name in ("ana", "ben", "zoe")] == ["admin", "member", "member"]


def test_a_refused_registration_is_not_the_first(app, db):
    assert fill_in(a_browser(app), "ana", password="short").status_code == 422
    assert fill_in(a_browser(app), "ben").status_code == 303
    assert the_user("ben").role == "admin"


def test_of_many_who_register_at_once_one_is_admin(app, db):
    together = Barrier(6)

    def come(number: int) -> None:
        with app.app_context():
            together.wait()
            register(f"person{number}", f"person{number}@example.org", PASSWORD)
            the_db.session.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(come, range(6)))
    assert sorted(role for (role,) in db.session.query(User.role)) == ["admin"] + ["member"] * 5
