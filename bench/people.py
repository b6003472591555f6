"""The hover card, profile and followers of a popular author, and a search with very many matches.

The cost of a page must not grow with the number of posts and followers.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from app.extensions import db
from app.models import Follow, NotificationClock, Post
from bench import data, rates, servers

FEW, MANY = 1_000, 100_000  # the author has this many posts, and as many followers
AUTHOR = 2
WORD = "tide"  # in every post, and in the search text of every user
PAGES = {
    "popup": f"/user/{data.name(AUTHOR)}/popup",
    "profile": f"/user/{data.name(AUTHOR)}",
    "followers": f"/user/{data.name(AUTHOR)}/followers",
    "search": f"/search?q={WORD}",
}


def run(folder: Path, few: int = FEW, many: int = MANY) -> dict[str, float]:
    """Measure the pages of an author, and a search.

    `popup_100k_vs_1k` and the others are median latencies with 100,000 posts and followers, divided by those with 1,000
    (lower is better).
    """
    figures: dict[str, float] = {}
    with servers.valkey(folder / "redis") as redis_url:
        cookies = {size: _fill(folder / str(size), redis_url, size) for size in (few, many)}
        env = [{"REDIS_URL": redis_url, "DATA_DIR": str(folder / str(size))} for size in (few, many)]
        with servers.web("microblog:app", env[0]) as few_port, servers.web("microblog:app", env[1]) as many_port:
            for name, path in PAGES.items():
                ratio, little, much = rates.compare(
                    rates.Target(few_port, path, cookies[few]), rates.Target(many_port, path, cookies[many])
                )
                figures[f"{name}_100k_vs_1k"] = ratio
                figures |= {f"{name}_1k_ms": little * 1e3, f"{name}_100k_ms": much * 1e3}
    return figures


def _fill(folder: Path, redis_url: str, size: int) -> str:
    """Create a database whose author has `size` posts and followers. Return user 1's cookie."""
    app = data.app_on(folder, redis_url)
    with data.filling(app):
        data.people(size + AUTHOR)
        db.session.execute(text('UPDATE "user" SET search_text = :word || username'), {"word": f"{WORD} "})
        data.insert_rows(NotificationClock, [{"user_id": 1, "last": 0.0}])
        followers = range(AUTHOR + 1, size + AUTHOR + 1)
        data.insert_rows(Follow, ({"follower_id": number, "followed_id": AUTHOR} for number in followers))
        posts = ({"author_id": AUTHOR, "body": f"{data.SENTENCE}{n}", "language": "en"} for n in range(size))
        data.insert_rows(Post, (post | {"search_text": WORD} for post in posts))
    return data.cookie(app, 1)
