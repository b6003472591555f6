"""Migration 0004 brings the skeletons of existing usernames to today's rules, whatever accounts there are."""

from __future__ import annotations

import flask_migrate
import pytest
from sqlalchemy import select

from app.extensions import db as the_db
from app.models import User
from tests.accounts.steps import log_in, register
from tests.factories import a_user
from tests.support.client import in_new_context

# Usernames that were told apart, with their former skeletons, and what becomes of these.
BEFORE = [("bob", "bob"), ("bo-b", "bo-b"), ("ėva", "ėva"), ("eva", "eva"), ("o-n-e", "o-n-e"), ("o_ne", "o_ne")]
AFTER = ["bob", "bob#2", "eva#3", "eva", "one", "one#6"]


@pytest.mark.slow
def test_existing_lookalike_accounts_keep_their_names(make_app, database):
    app = make_app(database_url=database.copy())

    def migrate() -> list[str]:
        with app.app_context():
            for username, skeleton in BEFORE:
                a_user(username, username_skeleton=skeleton)
            flask_migrate.downgrade(revision="0003")
            flask_migrate.upgrade()
            return list(the_db.session.scalars(select(User.username_skeleton).order_by(User.id)))

    assert in_new_context(migrate) == AFTER
    for username, _skeleton in BEFORE:
        assert log_in(app.test_client(), username).status_code == 303
    for username in ("b-o-b", "e-va", "ONE"):
        assert register(app.test_client(), username, email="other@example.org").status_code == 422
