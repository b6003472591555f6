"""The site with the data for its hot requests. `python -m bench.hot_site FOLDER` measures rounds (`bench/hot.py`)."""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import replace
from pathlib import Path

from app.core.time import now
from app.models import Conversation, ConversationMember, Follow, Message, NotificationClock, Post
from bench import data, hot
from bench.costs import Costs
from bench.hot import Hot

PAGES = {"home": "/", "inbox": "/messages", "thread": f"/messages/{hot.name(hot.AUTHORS[0])}"}


def fill(folder: Path, redis_url: str) -> Hot:
    """Create a database with the data that `bench/hot_tutorial.py` has, too."""
    app = data.app_on(folder, redis_url)
    with data.filling(app):
        data.people(hot.PEOPLE)
        everyone = range(1, hot.PEOPLE + 1)
        data.insert_rows(NotificationClock, ({"user_id": number, "last": 0.0} for number in everyone))
        data.insert_rows(
            Follow,
            (
                {"follower_id": follower, "followed_id": number}
                for number in everyone
                for follower in data.followers(number, hot.PEOPLE)
            ),
        )
        data.insert_rows(
            Post,
            (
                {"author_id": hot.AUTHORS[n % len(hot.AUTHORS)], "body": f"{hot.SENTENCE}{n}", "language": "en"}
                for n in range(hot.POSTS)
            ),
        )
        _conversations()
    return Hot(app, lambda number: data.cookie(app, number), "/messages/{}", PAGES, "/post/{}/like")


def _conversations() -> None:
    """Create user 1's conversations. The conversation with user 2 has the id 1, and so on."""
    others = range(2, hot.PEOPLE + 1)
    data.insert_rows(Conversation, ({"pair_key": f"1:{n}", "newest_seq": hot.MESSAGES} for n in others))
    rows = (
        {"conversation_id": other - 1, "seq": seq, "sender_id": sender, "body": body, "created_at": now()}
        for other, seq, sender, body in hot.messages()
    )
    data.insert_rows(Message, rows)
    last = (hot.MESSAGES - 1) * len(others)  # messages before the newest of the first conversation
    members = [
        {"conversation_id": other - 1, "user_id": user_id, "newest_message_id": last + other - 1}
        | {"newest_seq": newest, "mailed_seq": newest, "delivered_seq": newest}
        | {"read_seq": newest - 2 * (user_id == 1 and other < 2 + hot.UNREAD_IN)}
        for other in others
        for user_id, newest in ((1, hot.MESSAGES), (other, hot.MESSAGES - 1))
    ]
    data.insert_rows(ConversationMember, members)


def statements(site: Hot) -> dict[str, float]:
    """Return the median number of SQL statements of sending a message, and of a like."""
    costs = Costs()
    replace(site, watch=costs.watch).run()
    return {f"{name}_statements": statistics.median(costs.statements[name]) for name in ("send", "like")}


if __name__ == "__main__":
    hot_app = fill(Path(sys.argv[1]), os.environ["REDIS_URL"])
    hot_app.run()  # creates what is created once
    hot.serve(hot_app, **statements(hot_app))
