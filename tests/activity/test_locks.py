"""Transactions about one person's activity that meet: one may wait for the other, and no two wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import select

from app.activity.actions import mark_read
from app.core.database import set_read_mode
from app.extensions import db as the_db
from app.models import Activity, Post, User
from app.notifications import record_event, retract_event
from app.posts import reactions
from app.posts.actions import delete, publish
from app.queries.activity import place_of
from tests.activity.conftest import badge_counts, polled_count
from tests.factories import a_post, a_user
from tests.support.databases import PATIENCE

MOMENT = 0.5  # seconds in which the other one gets as far as it can


@contextmanager
def run_concurrently(app, act: Callable[[], object]) -> Iterator[Future[None]]:
    """Do `act` in a transaction of another thread; its exception is raised at the end."""

    def elsewhere() -> None:
        with app.app_context():
            act()
            the_db.session.commit()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(elsewhere)
        with suppress(TimeoutError):
            running.result(MOMENT)
        yield running
        running.result(15)


@pytest.fixture
def people(db):
    """Ana, whom Ben has followed and mentioned."""
    ana, ben = a_user("ana"), a_user("ben")
    set_read_mode(False)
    record_event(ana.id, "follow", str(ben.id), actor=ben)
    publish(ben, "hello @ana")
    db.session.commit()
    return ana.id, ben.id


def read_everything(reader):
    events = the_db.session.scalars(select(Activity).where(Activity.user_id == reader).order_by(Activity.id)).all()
    mark_read(the_db.session.get_one(User, reader), [(place_of(events[0]), place_of(events[-1]))])


def recorded_events(db):
    return {event.kind: event.read_at is not None for event in db.session.scalars(select(Activity))}


def test_event_can_be_recorded_again_while_its_reader_marks_it_read(app, db, people):
    """Telling holds the reader's clock, reading the event's row, and each is about to want the other."""
    ana, ben = people

    def tell_again() -> None:
        record_event(ana, "follow", str(ben), actor=the_db.session.get_one(User, ben))

    read_everything(ana)
    with run_concurrently(app, tell_again) as telling:
        if db.engine.dialect.name == "postgresql":
            with suppress(TimeoutError):
                telling.result(PATIENCE / 2)
        waited = not telling.done()
        db.session.commit()
    assert not waited or db.engine.dialect.name == "sqlite"  # where only one writes at a time
    assert recorded_events(db) == {"follow": True, "mention": True}


def test_post_can_be_deleted_while_its_mention_is_marked_read(app, db, people):
    ana, ben = people

    def take_back() -> None:
        delete(the_db.session.get_one(User, ben), the_db.session.scalars(select(Post)).one())

    read_everything(ana)
    with run_concurrently(app, take_back):
        db.session.commit()
    assert recorded_events(db) == {"follow": True}


def test_mention_can_be_marked_read_while_its_post_is_deleted(app, db, people):
    ana, ben = people
    delete(the_db.session.get_one(User, ben), the_db.session.scalars(select(Post)).one())
    with run_concurrently(app, lambda: read_everything(ana)):
        db.session.commit()
    assert recorded_events(db) == {"follow": True}


@pytest.fixture
def liked(db, people):
    """A post of Ana's that Ben likes: the ids of Ben and the post."""
    ana, ben = people
    post = publish(db.session.get_one(User, ana), "hello").id
    db.session.commit()
    set_read_mode(False)
    reactions.like(db.session.get_one(User, ben), post)
    db.session.commit()
    return ben, post


def test_post_can_be_unliked_while_its_like_is_marked_read(app, db, people, liked):
    ben, post = liked
    read_everything(people[0])
    with run_concurrently(app, lambda: reactions.unlike(the_db.session.get_one(User, ben), post)):
        db.session.commit()
    assert recorded_events(db) == {"follow": True, "mention": True, "like": True}


def test_like_can_be_marked_read_while_the_post_is_unliked(app, db, people, liked):
    ben, post = liked
    reactions.unlike(the_db.session.get_one(User, ben), post)
    with run_concurrently(app, lambda: read_everything(people[0])):
        db.session.commit()
    assert recorded_events(db) == {"follow": True, "mention": True}


def test_event_that_is_retracted_in_its_own_transaction_is_not_recorded(db, people):
    ana, ben = people
    record_event(ana, "like", "7:7", actor=db.session.get_one(User, ben))
    retract_event(ana, "like", "7:7")
    db.session.commit()
    assert "like" not in recorded_events(db)


def test_badge_is_right_if_a_post_is_deleted_while_it_is_liked(app, as_, db):
    ana, ben = as_("ana"), a_user("ben")
    post_id, author_id, liker_id = a_post(ana.user).id, ana.user.id, ben.id
    set_read_mode(False)
    reactions.like(db.session.get_one(User, liker_id), post_id)

    def delete_post() -> None:
        delete(the_db.session.get_one(User, author_id), the_db.session.get_one(Post, post_id))

    with run_concurrently(app, delete_post):
        db.session.commit()
    assert recorded_events(db) == {}
    assert badge_counts(ana)["unread_activity_count"] == 0
    assert polled_count(ana) == 0
