"""Create databases for the benchmarks: users, follows, posts and messages.

The rows are inserted in bulk, without the app's own actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import insert

from app import create_app
from app.config import Settings
from app.core.migrations import migrate
from app.core.time import now
from app.extensions import db
from app.models import (
    Conversation,
    ConversationMember,
    Follow,
    LoginSession,
    Message,
    Notification,
    NotificationClock,
    Post,
    User,
)
from app.web import cookies
from bench.servers import SECRET

SENTENCE = "The tide gauge at the old pier is back online, see https://harbour.example/tides #springtide @p7 "
BATCH_SIZE = 10_000  # rows in one statement
FOLLOWERS = 20

T = TypeVar("T")


def make(folder: Path, redis_url: str, *, posts: int, followed: int) -> tuple[Flask, str]:
    """Create a database with `posts` posts by `followed` users, all of whom user 1 follows.

    Return the app and user 1's cookie.
    """
    app = app_on(folder, redis_url)
    with filling(app):
        people(followed + 1)
        insert_rows(NotificationClock, [{"user_id": 1, "last": 0.0}])
        insert_rows(Follow, ({"follower_id": 1, "followed_id": n} for n in range(2, followed + 2)))
        insert_rows(
            Post,
            (
                {"author_id": 2 + number % followed, "body": f"{SENTENCE}{number}", "language": "en"}
                | {"search_text": "tide"}
                for number in range(posts)
            ),
        )
    return app, cookie(app, 1)


def make_correspondents(folder: Path, count: int, database_url: str = "") -> list[str]:
    """Create a database in which each user has a login, followers, and a conversation with unread messages.

    Return the cookies of all users.
    """
    app = app_on(folder, "", database_url)
    with filling(app):
        people(count)
        _conversations(count // 2)
        follows = (
            {"follower_id": follower, "followed_id": number}
            for number in range(1, count + 1)
            for follower in followers(number, count)
        )
        insert_rows(Follow, follows)
    return [cookie(app, number) for number in range(1, count + 1)]


def followers(number: int, count: int) -> list[int]:
    """Return the numbers of the user's followers, out of `count` users.

    Users send messages to their followers, because these are not message requests.
    """
    return [(number - 1 + further) % count + 1 for further in range(1, min(FOLLOWERS, count - 1) + 1)]


def app_on(folder: Path, redis_url: str, database_url: str = "") -> Flask:
    """Create the app with its data in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(data_dir=folder, secret_key=SECRET, database_url=database_url)
    return create_app(Settings(**vars(settings) | ({"redis_url": redis_url} if redis_url else {})))


@contextmanager
def filling(app: Flask) -> Iterator[None]:
    """Migrate the database, run the `with` block, commit its inserts, and close all connections."""
    migrate.init_app(app)
    with app.app_context():
        upgrade()
        yield
        db.session.commit()
        db.session.remove()
        db.engine.dispose()


def cookie(app: Flask, number: int) -> str:
    """Return the session cookie of this user's login."""
    content = {cookies.LOGIN_KEY: login_id(number), cookies.PERSON_KEY: number, "_fresh": True}
    return f"{app.config['SESSION_COOKIE_NAME']}={cookies.serializer(app).dumps(content)}"


def login_id(number: int) -> str:
    """Return the id of this user's login, which is as long as a real one."""
    return f"{number:032d}"


def name(number: int) -> str:
    """Return this user's username."""
    return f"p{number}"


def insert_rows(model: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows. Columns without a value get the model's default."""
    for batch in in_batches(rows):
        db.session.execute(insert(model), batch)


def in_batches(rows: Iterable[T]) -> Iterator[list[T]]:
    """Split rows into batches of BATCH_SIZE, one for each statement."""
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_SIZE)):
        yield batch


def people(count: int) -> None:
    """Create users 1, 2, ... with a login each.

    Their accounts are old, because new ones have stricter rate limits.
    """
    seen, end = now(), now() + timedelta(days=1)
    insert_rows(User, (_person(number) | {"last_seen": seen} for number in range(1, count + 1)))
    logins = ({"id": login_id(number), "user_id": number, "expires_at": end} for number in range(1, count + 1))
    insert_rows(LoginSession, logins)


def _person(number: int) -> dict[str, Any]:
    keys = {"username": name(number), "username_key": name(number), "username_skeleton": name(number)}
    address = f"{name(number)}@bench.example"
    since = now() - timedelta(days=365)
    known = {"email_confirmed_at": since, "created_at": since, "password_hash": "-"}
    return keys | {"email": address, "email_key": address} | known


def _conversations(count: int) -> None:
    """Create `count` conversations: between users 1 and 2, between users 3 and 4, and so on.

    Each conversation has three messages. One of the users has read the first one.
    """
    told_at = now().timestamp() - 3600
    numbers = range(1, count + 1)
    insert_rows(Conversation, ({"pair_key": f"{2 * n - 1}:{2 * n}", "newest_seq": 3} for n in numbers))
    insert_rows(
        Message,
        (
            {"conversation_id": n, "seq": seq, "sender_id": 2 * n - seq % 2, "body": SENTENCE}
            for n in numbers
            for seq in (1, 2, 3)
        ),
    )
    members = [
        {"conversation_id": n, "user_id": user_id, "newest_seq": newest, "read_seq": read, "newest_message_id": 3 * n}
        | {"mailed_seq": newest}
        for n in numbers
        for user_id, newest, read in ((2 * n - 1, 2, 1), (2 * n, 3, 0))
    ]
    insert_rows(ConversationMember, members)
    insert_rows(NotificationClock, ({"user_id": number, "last": told_at} for number in range(1, 2 * count + 1)))
    badges = (
        {"user_id": 2 * n - odd, "name": "unread_message_count", "subject": "", "data": 1 if odd else 2}
        | {"timestamp": told_at}
        for n in numbers
        for odd in (1, 0)
    )
    insert_rows(Notification, badges)
