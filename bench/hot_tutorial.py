"""The tutorial's app with the data for its hot requests. `python -m bench.hot_tutorial` measures rounds (`hot.py`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import insert

from bench import hot
from bench.hot import Hot
from bench.tutorial.app import app
from bench.tutorial.models import Base, Message, Post, User, db, followers


def fill() -> Hot:
    """Create a database with the data that `bench/hot_site.py` has, too."""
    everyone = range(1, hot.PEOPLE + 1)
    began = datetime.now(UTC) - timedelta(days=1)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        users = [{"id": n, "username": hot.name(n), "email": f"{hot.name(n)}@bench.example"} for n in everyone]
        posts = [
            {"user_id": hot.AUTHORS[n % len(hot.AUTHORS)], "body": f"{hot.SENTENCE}{n}", "language": "en"}
            | {"timestamp": began + timedelta(seconds=n)}
            for n in range(hot.POSTS)
        ]
        messages = [
            {"sender_id": sender, "recipient_id": other if sender == 1 else 1, "body": body}
            | {"timestamp": began + timedelta(seconds=seq)}
            for other, seq, sender, body in hot.messages()
        ]
        follows = [
            {"follower_id": (number - 1 + further) % hot.PEOPLE + 1, "followed_id": number}
            for number in everyone
            for further in range(1, hot.FOLLOWERS + 1)
        ]
        for table, rows in ((User, users), (Post, posts), (Message, messages), (followers, follows)):
            db.session.execute(insert(table), rows)
        db.session.commit()
    return Hot(app, _cookie, "/send_message/{}", {"home": "/", "inbox": "/messages"})


def _cookie(number: int) -> str:
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    if serializer is None:
        raise LookupError("no SECRET_KEY")
    return f"session={serializer.dumps({'_user_id': str(number), '_fresh': True})!s}"


if __name__ == "__main__":
    hot.serve(fill())
