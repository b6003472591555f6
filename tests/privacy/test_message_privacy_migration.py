"""Migration 0008 renames the column and a value, and keeps the old column in step for the previous version."""

from __future__ import annotations

import flask_migrate
import pytest
from sqlalchemy import text

from app.extensions import db as the_db
from app.models import MessagePrivacy
from tests.factories import a_user

OLD_VALUES = {choice: choice for choice in MessagePrivacy} | {MessagePrivacy.FRIENDS_OF_FRIENDS: "known"}


@pytest.fixture
def site(make_app, database):
    """An app on its own database."""
    app = make_app(database_url=database.copy())
    with app.app_context():
        yield app
        the_db.session.remove()
        the_db.engine.dispose()


def both() -> dict[str, tuple[str, str]]:
    """Return the old and the new value of each user."""
    rows = the_db.session.execute(text('SELECT username, writable_by, message_privacy FROM "user"'))
    return {username: (old, new) for username, old, new in rows}


def set_old(username: str, value: str) -> None:
    """Write the setting as the previous version does."""
    the_db.session.execute(
        text('UPDATE "user" SET writable_by = :value WHERE username = :username'),
        {"value": value, "username": username},
    )


def test_stored_settings_are_converted(site):
    for choice in MessagePrivacy:
        a_user(choice)
    flask_migrate.downgrade(revision="0007")
    for choice in MessagePrivacy:
        set_old(choice, OLD_VALUES[choice])
    the_db.session.commit()
    flask_migrate.upgrade()
    assert both() == {choice: (OLD_VALUES[choice], choice) for choice in MessagePrivacy}


def test_previous_version_writes_the_new_column(site):
    a_user("ana")
    a_user("ben", message_privacy=MessagePrivacy.EVERYONE)
    for choice in [*MessagePrivacy, *reversed(MessagePrivacy)]:
        set_old("ana", OLD_VALUES[choice])
        the_db.session.commit()
        assert both() == {"ana": (OLD_VALUES[choice], choice), "ben": ("everyone", "everyone")}


def test_previous_version_reads_values_written_by_this_version(site):
    ana, _ben = a_user("ana"), a_user("ben")
    for choice in [*MessagePrivacy, *reversed(MessagePrivacy)]:
        ana.message_privacy = choice
        the_db.session.commit()
        assert both() == {"ana": (OLD_VALUES[choice], choice), "ben": ("everyone", "everyone")}


def test_downgrade_keeps_the_settings(site):
    for choice in MessagePrivacy:
        a_user(choice).message_privacy = choice
    the_db.session.commit()
    flask_migrate.downgrade(revision="0007")
    rows = the_db.session.execute(text('SELECT username, writable_by FROM "user"'))
    assert {row.username: row.writable_by for row in rows} == {choice: OLD_VALUES[choice] for choice in MessagePrivacy}
    the_db.session.commit()
    flask_migrate.upgrade()
    assert both() == {choice: (OLD_VALUES[choice], choice) for choice in MessagePrivacy}
