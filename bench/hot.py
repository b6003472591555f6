"""The hot requests: the most frequent ones that need the database. They are called in the process, without a server.

`bench/hot_site.py` and `bench/hot_tutorial.py` fill a database with the same data, and run this module's rounds. This
module does not import the site, because the site changes the settings of all SQLite connections in its process.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

PEOPLE = 31  # user 1 has a conversation with each of the others
FOLLOWERS = 20  # of each user
AUTHORS = range(12, 22)  # followed by user 1
POSTS = 100  # few, because the tutorial's timeline reads all of them
MESSAGES = 4  # in each conversation
UNREAD_IN = 5  # conversations of user 1
SENDERS = range(2, 22)  # so many that nobody reaches a rate limit
A_ROUND = 10  # requests of each kind
LIKED = 97  # posts. Ten senders like a post that they haven't liked yet 970 times
PAGE = "text/html,*/*"
SENTENCE = "The tide gauge at the old pier is back online, see https://harbour.example/tides #springtide @p7 "
INPUT = re.compile(r"<input [^>]*>")
ATTRIBUTE = re.compile(r"([\w-]+)=\"([^\"]*)\"")


def name(number: int) -> str:
    """Return a user's username."""
    return f"p{number}"


def recipient(number: int) -> int:
    """Return the number of the user to whom this user writes. It is one of their followers."""
    return number % PEOPLE + 1


def messages() -> Iterator[tuple[int, int, int, str]]:
    """Yield user 1's messages: the number of the other user, the seq, the sender and the text, oldest first."""
    for seq in range(1, MESSAGES + 1):
        for other in range(2, PEOPLE + 1):
            yield other, seq, (other, 1)[seq % 2], f"{SENTENCE}{seq}"


@dataclass(frozen=True)
class Answer:
    """A response, and the CPU time of the process for it in seconds."""

    body: str
    seconds: float


@dataclass
class Browser:
    """A user's browser, which calls the app."""

    app: Flask
    cookie: str
    address: str

    def get(self, path: str) -> Answer:
        """Load a page."""
        return self._ask(path)

    def post(self, path: str, form: dict[str, str], accept: str = PAGE) -> Answer:
        """Submit a form."""
        return self._ask(path, accept, method="POST", data=form)

    def _ask(self, path: str, accept: str = PAGE, **options: Any) -> Answer:
        headers = [("Cookie", self.cookie), ("Accept", accept)]
        environ = EnvironBuilder(path, headers=headers, **options).get_environ() | {"REMOTE_ADDR": self.address}
        began = time.process_time()
        content, status, answered = run_wsgi_app(self.app.wsgi_app, environ, buffered=True)
        seconds = time.process_time() - began
        answer = Answer(b"".join(content).decode(), seconds)
        if int(status[:3]) not in {200, 302, 303} or answered.get("Location", "").startswith("/login"):
            raise ConnectionError(f"{path}: {status}: {answer.body[:200]}")
        if "Set-Cookie" in answered:
            self.cookie = answered["Set-Cookie"].partition(";")[0]
        return answer


@dataclass(frozen=True)
class Hot:
    """An app with data, and the paths of its hot requests."""

    app: Flask
    cookie: Callable[[int], str]  # of a user
    form_page: str  # the page with the form of a message to the user `{}`
    pages: dict[str, str]  # further pages of user 1, by the name of the request
    like: str = ""  # the path of a like of the post with the id `{}`; "" if the app has no likes
    watch: Callable[[str], AbstractContextManager[object]] = lambda _request: nullcontext()  # of a measured request
    browsers: dict[int, Browser] = field(default_factory=dict)
    liked: Iterator[int] = field(default_factory=lambda: cycle(range(1, LIKED + 1)))

    def browser(self, number: int) -> Browser:
        """Return the browser of a user."""
        if number not in self.browsers:
            self.browsers[number] = Browser(self.app, self.cookie(number), f"127.0.1.{number}")
        return self.browsers[number]

    def run(self, count: int = A_ROUND) -> dict[str, list[float]]:
        """Send `count` requests of each kind. Return their CPU times in seconds."""
        seen: dict[str, list[float]] = defaultdict(list)
        for _turn, sender in zip(range(count), cycle(SENDERS), strict=False):
            for request, path in self.pages.items():
                seen[request].append(self._page(request, path))
            for request, seconds in self._message(sender).items():
                seen[request].append(seconds)
        return seen

    def _page(self, request: str, path: str) -> float:
        with self.watch(request):
            answer = self.browser(1).get(path)
        if name(AUTHORS[0]) not in answer.body:
            raise ConnectionError(f"{path} shows nobody")
        return answer.seconds

    def _message(self, sender: int) -> dict[str, float]:
        """Load the form, send a message and let the recipient poll. Then like a post, as the script does."""
        writer, reader, to = self.browser(sender), self.browser(recipient(sender)), name(recipient(sender))
        form = _fields(writer.get(self.form_page.format(to)).body) | {"message": f"{SENTENCE}{time.time()}"}
        began = time.time()
        with self.watch("send"):
            sent = writer.post(f"/send_message/{to}", form)
        with self.watch("told_poll"):
            told = reader.get(f"/notifications?since={began!r}")
        if "unread_message_count" not in told.body:
            raise ConnectionError(f"{to} was told nothing")
        seconds = {"send": sent.seconds, "told_poll": told.seconds}
        if self.like:
            with self.watch("like"):
                liked = writer.post(self.like.format(next(self.liked)), form, "application/json")
            seconds["like"] = liked.seconds
        return seconds


def _fields(page: str) -> dict[str, str]:
    """Return the hidden fields of a page."""
    found = [dict(ATTRIBUTE.findall(tag)) for tag in INPUT.findall(page)]
    return {one["name"]: one.get("value", "") for one in found if one.get("type") == "hidden"}


def serve(hot: Hot, **figures: float) -> None:
    """Write the figures as a line of JSON when the app is ready. Then run a round for each line of input.

    A round writes the median CPU time of each request in seconds as a line of JSON.
    """
    hot.run()  # warm up: compile templates and statements
    print(json.dumps(figures), flush=True)
    for _line in sys.stdin:
        print(json.dumps({key: statistics.median(times) for key, times in hot.run().items()}), flush=True)
