"""The inbox and a long conversation with a million messages and with a thousand.

The cost of a page must not grow with the number of messages.
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask

from bench import correspondence, rates, servers
from bench.correspondence import Size
from tests.support.sql import counted

FEW = Size(messages=1_000, in_thread=100, own=30, others=20)
MANY = Size(messages=1_000_000, in_thread=10_000, own=300, others=9_000)
PAGES = {"inbox": "/messages", "thread": "/messages/p2"}


def run(folder: Path, few: Size = FEW, many: Size = MANY) -> dict[str, float]:
    """Measure the inbox and a conversation, in databases of two sizes.

    `inbox_1m_vs_1k` and `thread_1m_vs_1k` are the median latencies with many messages, divided by those with few (lower
    is better). `inbox_queries` and `thread_queries` are the numbers of SQL statements for a page.
    """
    figures: dict[str, float] = {}
    with servers.valkey(folder / "redis") as redis_url:
        _app, few_cookie = correspondence.fill(folder / "few", redis_url, few)
        began = time.monotonic()
        app, many_cookie = correspondence.fill(folder / "many", redis_url, many)
        figures["inbox_seeding_s"] = time.monotonic() - began
        env = [{"REDIS_URL": redis_url, "DATA_DIR": str(folder / name)} for name in ("few", "many")]
        with servers.web("microblog:app", env[0]) as few_port, servers.web("microblog:app", env[1]) as many_port:
            for name, path in PAGES.items():
                ratio, little, much = rates.compare(
                    rates.Target(few_port, path, few_cookie), rates.Target(many_port, path, many_cookie)
                )
                figures[f"{name}_1m_vs_1k"] = ratio
                figures |= {f"{name}_1k_ms": little * 1e3, f"{name}_1m_ms": much * 1e3}
        for name, path in PAGES.items():
            figures[f"{name}_queries"] = _statements(app, path, many_cookie)
    return figures


def _statements(app: Flask, path: str, cookie: str) -> int:
    """Return the number of SQL statements for a page."""
    client = app.test_client(use_cookies=False)
    headers = {"Cookie": cookie}
    client.get(path, headers=headers)  # may update last_seen, so that the counted request does not
    with counted() as asked:
        answer = client.get(path, headers=headers)
    if answer.status_code != 200:
        raise ConnectionError(f"status {answer.status_code}")
    return len(asked)
