"""Create databases with few or very many private messages. User 1's first page is the same in all of them.

Messages are inserted in random order of conversations, as after years of use. So the rows of a conversation are not
neighbours in the table.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

from flask import Flask

from app.core.time import now
from app.extensions import db
from app.messages.search_words import words_of
from app.models import Conversation, ConversationMember, NotificationClock
from bench import data

THREAD = 1  # the conversation of users 1 and 2
UNREAD_IN = 5  # how many conversations on user 1's first page have unread messages
UNREAD = 2  # unread messages in each of these
FOLDERS = 20  # conversations that each other user starts
INSERT = (
    "INSERT INTO message (conversation_id, seq, sender_id, body, search_text, created_at) VALUES (?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True)
class Size:
    """The size of a database."""

    messages: int  # all messages
    in_thread: int  # the messages between users 1 and 2, included in `messages`
    own: int  # conversations of user 1, including the one with user 2
    others: int  # conversations between other users


def fill(folder: Path, redis_url: str, size: Size) -> tuple[Flask, str]:
    """Create an SQLite database of this size. Return the app and user 1's cookie."""
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
    """Return the two users of each conversation, by its id: first the conversations of user 1, then the others."""
    own = [(1, 1 + number) for number in range(1, size.own + 1)]
    others = [(low, low + 1 + number % FOLDERS) for number in range(size.others) for low in (2 + number // FOLDERS,)]
    return own + others


def _messages(size: Size, pairs: list[tuple[int, int]], newest: list[_Newest]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of all messages, oldest first. Also update `newest` of their conversations."""
    chosen = random.Random(4)
    every = size.messages // size.in_thread
    begin = now().astimezone(UTC) - timedelta(days=365)
    step = timedelta(days=364) / size.messages
    for number in range(size.messages):
        # The first messages go to the conversations in turn, so that none stays empty.
        others = number % (len(pairs) - 1) if number < 3 * len(pairs) else chosen.randrange(len(pairs) - 1)
        index = THREAD - 1 if number % every == 0 else 1 + others
        here, (low, high) = newest[index], pairs[index]
        here.seq, here.message_id = here.seq + 1, number + 1
        body = f"{data.SENTENCE}{number}"
        sent = (begin + number * step).strftime("%Y-%m-%d %H:%M:%S.%f")
        yield index + 1, here.seq, (high, low)[here.seq % 2], body, words_of(body, (low, high)), sent


def _number(size: Size, pairs: list[tuple[int, int]], newest: list[_Newest]) -> None:
    """Write the cached counters. All messages count as read, except a few on user 1's first page."""
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
