"""Events of every kind, as their features tell them, and how somebody wants to be told."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from app.extensions import db
from app.models import DeliveryPreference, DeliveryProfile, Post, User
from app.notifications import preferences, record_event, scheduling
from app.notifications.kinds import CONFIGURABLE
from app.posts.actions import PostOptions, publish, reply
from app.posts.reactions import like, repost
from app.profiles.actions import follow
from app.queries import timelines
from tests.factories import a_message, a_post, a_user

_numbers = itertools.count(1)
ACTIVITY = sorted(set(CONFIGURABLE) - {"message"})  # the kinds that are rows of the Activity page


def somebody() -> User:
    return a_user(f"friend{next(_numbers)}")


def _message(reader: User) -> None:
    a_message(somebody(), reader)


def _mention(reader: User) -> None:
    publish(somebody(), f"Have you seen this, @{reader.username}?")


def _reply(reader: User) -> None:
    writer = somebody()
    values = {"viewer_id": writer.id, "post_id": a_post(reader).id}
    post = db.session.scalar(timelines.by_id(), values, execution_options={"populate_existing": True})
    reply(writer, post, "I agree")


def _quote(reader: User) -> None:
    publish(somebody(), "Look at this", PostOptions(quote_of_id=a_post(reader).id))


def _like(reader: User) -> None:
    """All like the same post, as likes of one post are grouped."""
    person = somebody()
    post_id = db.session.scalar(select(Post.id).where(Post.author_id == reader.id)) or a_post(reader).id
    like(person, post_id)


def _poll_closed(reader: User) -> None:
    post_id = a_post(reader).id
    record_event(reader.id, "poll_closed", str(post_id), post_id=post_id)


def _repost(reader: User) -> None:
    """All repost the same post, as with likes."""
    person = somebody()
    post_id = db.session.scalar(select(Post.id).where(Post.author_id == reader.id)) or a_post(reader).id
    repost(person, post_id)


def _follow(reader: User) -> None:
    follow(somebody(), reader)


def _task(kind: str) -> Callable[[User], None]:
    def end(reader: User) -> None:
        facts = {"job_id": f"job{next(_numbers)}", "name": "posts.export"}
        record_event(reader.id, kind, facts["job_id"], args=facts)

    return end


def _login(reader: User) -> None:
    facts = {"browser": "Firefox", "system": "Linux", "address": "192.0.2.7"}
    record_event(reader.id, "login", f"place{next(_numbers)}", args=facts)


HAPPEN: dict[str, Callable[[User], None]] = {
    "message": _message,
    "mention": _mention,
    "reply": _reply,
    "quote": _quote,
    "follow": _follow,
    "like": _like,
    "poll_closed": _poll_closed,
    "repost": _repost,
    "job_done": _task("job_done"),
    "job_failed": _task("job_failed"),
    "login": _login,
}


def record_events(kind: str, reader: User, times: int = 1) -> None:
    """Events of this kind, each in a transaction of its own."""
    for _ in range(times):
        HAPPEN[kind](reader)
        db.session.commit()


def set_preference(reader: User, kind: str, **values: Any) -> None:
    """`reader` wants this kind as `values` say, and as ever otherwise."""
    chosen = replace(preferences.grid(reader.id)[kind], **values)
    db.session.merge(DeliveryPreference(user_id=reader.id, kind=kind, **vars(chosen)))
    scheduling.reschedule(reader.id)
    db.session.commit()


def set_profile(reader: User, **values: Any) -> None:
    """`reader` has these quiet hours, this pause, and digests at these times."""
    known = preferences.profile(reader.id)
    for name, value in values.items():
        setattr(known, name, value)
    db.session.add(known)
    assert isinstance(known, DeliveryProfile)
    scheduling.reschedule(reader.id)
    db.session.commit()
