"""Databases for the benches: people, who follows whom, and many posts. Filled in bulk; the app never does that."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import insert

from app import create_app
from app.clock import now
from app.config import Settings
from app.extensions import db
from app.models import Follow, LoginSession, NotificationClock, Post, User
from app.web import cookies
from bench.servers import SECRET

SENTENCE = "The tide gauge at the old pier is back online, see https://harbour.example/tides #springtide @p7 "


def make(folder: Path, redis_url: str, *, posts: int, followed: int) -> tuple[Flask, str]:
    """A server's database with `posts` posts by `followed` people, all followed by person 1; the app and 1's cookie."""
    settings = Settings(data_dir=folder, redis_url=redis_url, secret_key=SECRET)
    folder.mkdir(parents=True, exist_ok=True)
    app = create_app(settings)
    with app.app_context():
        upgrade()
        _fill(posts, followed)
        db.session.commit()
    token = cookies.serializer(app).dumps({cookies.LOGIN_KEY: "bench", cookies.PERSON_KEY: 1, "_fresh": True})
    return app, f"{app.config['SESSION_COOKIE_NAME']}={token}"


def _fill(posts: int, followed: int) -> None:
    people = [_person(number) for number in range(1, followed + 2)]
    db.session.execute(insert(User), people)
    db.session.execute(insert(Follow), [{"follower_id": 1, "followed_id": n} for n in range(2, followed + 2)])
    db.session.execute(insert(NotificationClock), [{"user_id": 1, "last": 0.0}])
    login = {"id": "bench", "user_id": 1, "expires_at": now() + timedelta(days=1)}
    db.session.execute(insert(LoginSession), [login])
    for start in range(0, posts, 10_000):
        batch = [
            {"author_id": 2 + number % followed, "body": f"{SENTENCE}{number}", "language": "en", "search_text": "tide"}
            for number in range(start, min(posts, start + 10_000))
        ]
        db.session.execute(insert(Post), batch)


def _person(number: int) -> dict[str, object]:
    name = f"p{number}"
    keys = {"username": name, "username_key": name, "username_skeleton": name, "last_seen": now()}
    return keys | {"email": f"{name}@x.example", "email_key": f"{name}@x.example", "password_hash": "-"}
