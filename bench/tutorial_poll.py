"""The baseline with the poll of the Mega-Tutorial, where each request writes the user's last_seen to the database.

`DATABASE_URL` is an SQLite file. `python -m bench.tutorial_poll` creates its tables and a user.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from flask import Flask, Response, jsonify, request
from flask_login import LoginManager, UserMixin, current_user, login_required
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PERSON = 1


class Base(DeclarativeBase):
    """The base class of those tables of the tutorial that a poll uses."""


app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db = SQLAlchemy(app, model_class=Base)
login = LoginManager(app)


class User(UserMixin, Base):
    """A user of the tutorial's app."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(index=True, unique=True)
    last_seen: Mapped[datetime | None]


class Notification(Base):
    """A notification of the tutorial's app."""

    __tablename__ = "notification"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    name: Mapped[str] = mapped_column(index=True)
    timestamp: Mapped[float] = mapped_column(index=True)
    payload: Mapped[str]


@login.user_loader
def load_user(identity: str) -> User | None:
    """Load the user for Flask-Login. It runs one SELECT for each request."""
    return db.session.get(User, int(identity))


@app.before_request
def note_last_seen() -> None:
    """Write and commit last_seen on each request of a logged-in user."""
    if current_user.is_authenticated:
        current_user.last_seen = datetime.now(UTC)
        db.session.commit()


@app.get("/notifications")
@login_required
def poll() -> Response:
    """Return the viewer's notifications after `since`."""
    since = request.args.get("since", 0.0, type=float)
    query = db.select(Notification).where(Notification.user_id == current_user.id, Notification.timestamp > since)
    found = db.session.scalars(query.order_by(Notification.timestamp))
    return jsonify([{"name": one.name, "data": one.payload, "timestamp": one.timestamp} for one in found])


if __name__ == "__main__":
    with app.app_context():
        db.create_all()
        db.session.add(User(id=PERSON, username="p1"))
        db.session.commit()
