"""The app of the Flask Mega-Tutorial, rebuilt from its documented behavior, to compare the cost of requests.

It has the requests that `bench/hot_requests.py` compares: the home page, the received messages, the poll and sending a
message. It uses the libraries that the tutorial uses, with their default settings, on SQLite. `DATABASE_URL` is the
file. It commits `last_seen` on each request, and its templates ask for each author when they show a post.
"""

from bench.tutorial.app import app

__all__ = ["app"]
