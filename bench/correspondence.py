"""Databases with few or very many private messages, that give user 1 the same first page.

Conversations and their messages are spread over the tables as after years of use: the next sender is drawn at random,
so a conversation's rows are never neighbours.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

from flask import Flask

from app.core.clock import now
from app.extensions import db
from app.messages.search_words import words_of
from app.models import Conversation, ConversationMember, NotificationClock
from bench import data

THREAD = 1  # the conversation of users 1 and 2
UNREAD_IN = 5  # of user 1's conversations, on the first page
UNREAD = 2  # messages in each
FOLDERS = 20  # users that each of the others writes to
INSERT = (
    "INSERT INTO message (conversation_id, seq, sender_id, body, search_text, created_at) VALUES (?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True)
class Size:
    """The size of a database."""

    messages: int
    in_thread: int  # of these, between users 1 and 2
    own: int  # conversations of user 1, including that one
    others: int  # conversations of other users


def fill(folder: Path, redis_url: str, size: Size) -> tuple[Flask, str]:
    """Create a database of that size on SQLite. Return the app and user 1's cookie."""
    app = data.app_on(folder, redis_url)
    pairs = _pairs(size)
    with data.filling(app):
        data.people(max(high for _low, high in pairs))
        data.insert_rows(Conversation, ({"pair_key": f"{low}:{high}"} for low, high in pairs))
        data.insert_rows(NotificationClock, [{"user_id": 1, "last": 0.0}])
        newest = [_Newest() for _ in pairs]
        connection = db.session.connection()
        for rows in data.in_batches(_messages(size, pairs, newest)):
            connection.exec_driver_sql(INSERT, rows)
        _number(size, pairs, newest)
    return app, data.cookie(app, 1)


@dataclass
class _Newest:
    """The newest seq and message id of a conversation."""

    seq: int = 0
    message_id: int = 0


def _pairs(size: Size) -> list[tuple[int, int]]:
    """Return the two users of conversation 1, 2, ...: first those of user 1, then the others."""
    own = [(1, 1 + number) for number in range(1, size.own + 1)]
    others = [(low, low + 1 + number % FOLDERS) for number in range(size.others) for low in (2 + number // FOLDERS,)]
    return own + others


def _messages(size: Size, pairs: list[tuple[int, int]], newest: list[_Newest]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of all messages, oldest first, and update each conversation's `newest`."""
    chosen = random.Random(4)
    every = size.messages // size.in_thread
    begin = now().astimezone(UTC) - timedelta(days=365)
    step = timedelta(days=364) / size.messages
    for number in range(size.messages):
        # Every conversation gets its first message before any gets its second, so none stays empty.
        others = number % (len(pairs) - 1) if number < 3 * len(pairs) else chosen.randrange(len(pairs) - 1)
        index = THREAD - 1 if number % every == 0 else 1 + others
        here, (low, high) = newest[index], pairs[index]
        here.seq, here.message_id = here.seq + 1, number + 1
        body = f"{data.SENTENCE}{number}"
        sent = (begin + number * step).strftime("%Y-%m-%d %H:%M:%S.%f")
        yield index + 1, here.seq, (high, low)[here.seq % 2], body, words_of(body, (low, high)), sent


def _number(size: Size, pairs: list[tuple[int, int]], newest: list[_Newest]) -> None:
    """Write the cached counters. Everything is read, except a few messages on user 1's first page."""
    numbers = [{"id": index, "newest_seq": one.seq} for index, one in enumerate(newest, 1)]
    db.session.bulk_update_mappings(Conversation.__mapper__, numbers)
    latest = sorted(range(1, size.own), key=lambda index: newest[index].message_id)[-UNREAD_IN:]
    memberships = (
        {"conversation_id": index + 1, "user_id": user_id, "newest_message_id": one.message_id, "mailed_seq": one.seq}
        | {"newest_seq": one.seq - (one.seq % 2 == is_low), "delivered_seq": one.seq}
        | {"read_seq": one.seq - (2 * UNREAD if index in latest and is_low else 0)}
        for index, one in enumerate(newest)
        for user_id, is_low in zip(pairs[index], (True, False), strict=True)
    )
    data.insert_rows(ConversationMember, memberships)
