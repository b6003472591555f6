"""The home page with many posts and with few. Its cost must not grow with the number of posts."""

from __future__ import annotations

from pathlib import Path

from bench import data, rates, servers

FOLLOWED = 100
FEW, MANY = 1_000, 100_000


def run(folder: Path) -> dict[str, float]:
    """Measure the home page.

    `home_100k_vs_1k` is the median latency with 100,000 posts, divided by that with 1,000 (lower is better).
    """
    with servers.valkey(folder / "redis") as redis_url:
        cookies = {}
        for posts in (FEW, MANY):
            _app, cookies[posts] = data.make(folder / str(posts), redis_url, posts=posts, followed=FOLLOWED)
        few_env = {"REDIS_URL": redis_url, "DATA_DIR": str(folder / str(FEW))}
        many_env = {"REDIS_URL": redis_url, "DATA_DIR": str(folder / str(MANY))}
        with servers.web("microblog:app", few_env) as few_port, servers.web("microblog:app", many_env) as many_port:
            few, many = rates.Target(few_port, "/", cookies[FEW]), rates.Target(many_port, "/", cookies[MANY])
            ratio, little, much = rates.compare(few, many)
    return {"home_100k_vs_1k": ratio, "home_1k_ms": little * 1e3, "home_100k_ms": much * 1e3}
