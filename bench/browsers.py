"""Simulated browsers. Each has its own user, login, cookie, connection and newest timestamp (`since`)."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlencode

from bench import wire

JITTER = 0.05  # the poll interval is shortened at random, by at most this share, as in static/js/polling/poll.js
READS_AFTER = (1.0, 5.0)  # the range of the random time, in seconds, between loading a conversation and having read it
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
NEWEST = re.compile(r'data-newest-seq="(\d+)"')


class Refused(Exception):
    """The site sent an unexpected response."""


def expect(answer: wire.Answer, *statuses: int) -> None:
    """Raise Refused unless the response has one of these statuses."""
    if answer.status not in statuses:
        raise Refused(f"status {answer.status}")


class Connection(asyncio.Protocol):
    """A keep-alive connection from its own source address. It is opened when needed, even after it was closed."""

    def __init__(self, port: int, address: str) -> None:
        self._port = port
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._reader = wire.Reader()
        self._waiting: asyncio.Future[wire.Answer] | None = None

    async def ask(self, request: bytes) -> wire.Answer:
        """Send a request and wait for the response. Raises OSError if the connection is closed first."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._reader = wire.Reader()
            await loop.create_connection(lambda: self, "127.0.0.1", self._port, local_addr=(self._address, 0))
        if self._transport is None:
            raise ConnectionError("the connection ended at once")
        self._waiting = loop.create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport. Called by asyncio."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and return a complete response to `ask`. Called by asyncio."""
        answer = self._reader.feed(data)
        if answer is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Raise ConnectionError in `ask` if it is waiting for a response. Called by asyncio."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"closed while waiting for an answer: {exc}"))


@dataclass
class Log:
    """The measurements, which are recorded only while `on` is true.

    A time is the number of seconds from the moment a request was due to the end of its response.
    """

    on: bool = False
    errors: list[str] = field(default_factory=list)  # of the whole run, including the warm-up
    polls: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)  # how late polls were sent, because the load generator was busy
    messages: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    told: int = 0  # polls that returned notifications
    asked_to_wait: int = 0  # polls that were given a longer interval

    def note(self, times: list[float], due: float) -> None:
        """Append the time from `due` to now to `times`."""
        if self.on:
            times.append(monotonic() - due)


@dataclass(frozen=True)
class Site:
    """What a browser knows about the site: its port, and the number of seconds between two polls."""

    port: int
    interval: int


class Browser:
    """The browser of a user. It polls all the time, and reads some of the messages that arrive."""

    def __init__(self, name: str, cookie: str, address: str, site: Site, log: Log) -> None:
        self.name = name
        self.badge: int | None = None  # the last known number of unread messages
        self.busy = False  # whether its user is writing or reading; never both, because a page may set a new cookie
        self._cookie = cookie
        self._address = address
        self._port = site.port
        self._interval = site.interval
        self._usual = b"poll-interval: %d" % site.interval
        self._log = log
        self._connection = Connection(site.port, address)
        self._since = 0.0
        self._request = b""

    async def live(self, first: float, until: float, hears: Callable[[Browser, str], None]) -> None:
        """Poll from the time `first` until the time `until`. A late response does not delay the next poll.

        `hears(browser, sender)` is called when a message arrives.
        """
        due = first
        while due < until:
            await asyncio.sleep(max(0.0, due - monotonic()))
            try:
                await self._poll(due, hears)
            except (OSError, Refused) as error:
                self._log.errors.append(f"poll: {error!r}")
            due += self._interval * (1 - JITTER * random.random())
        self._connection.close()

    async def _poll(self, due: float, hears: Callable[[Browser, str], None]) -> None:
        log = self._log
        if not self._request:
            self._request = wire.get(self._port, f"/notifications?since={self._since!r}", self._cookie)
        log.note(log.late, due)
        answer = await self._connection.ask(self._request)
        log.note(log.polls, due)
        expect(answer, 200)
        self._log.asked_to_wait += self._log.on and self._usual not in answer.head
        if answer.body != b"[]\n":
            self._hear(json.loads(answer.body), hears)

    def _hear(self, told: list[dict[str, object]], hears: Callable[[Browser, str], None]) -> None:
        before, self._log.told = self.badge, self._log.told + self._log.on
        for one in told:
            name, data, timestamp = one["name"], one["data"], one["timestamp"]
            if name == "unread_message_count" and isinstance(data, int):
                self.badge = data
            if isinstance(timestamp, float):
                self._since = max(self._since, timestamp)
        self._request = b""
        if before is not None and self.badge is not None and self.badge > before:
            writers = [one["data"] for one in told if one["name"] == "conversation"]
            for data in writers:
                if isinstance(data, dict):
                    hears(self, str(data["with"]))

    async def write_to(self, other: str, text: str, due: float, think: float) -> None:
        """Load the conversation with `other`, type for `think` seconds, and send the message when it is due."""
        connection, log = Connection(self._port, self._address), self._log
        try:
            await asyncio.sleep(max(0.0, due - think - monotonic()))
            form = dict(HIDDEN.findall(await self._page(connection, other)))
            form = {key: form[key] for key in ("csrf_token", "form_key", "read_upto")} | {"message": text}
            await asyncio.sleep(max(0.0, due - monotonic()))
            answer = await connection.ask(self._form(f"/send_message/{other}", form))
            log.note(log.messages, due)
            expect(answer, 303)
        except (OSError, KeyError, Refused) as error:
            log.errors.append(f"message: {error!r}")
        finally:
            connection.close()
            self.busy = False

    async def read(self, other: str) -> None:
        """Load the conversation with `other`, and mark the messages as read a little later."""
        connection, log = Connection(self._port, self._address), self._log
        try:
            page = await self._page(connection, other)
            await asyncio.sleep(random.uniform(*READS_AFTER))
            newest = NEWEST.search(page)
            form = {"csrf_token": dict(HIDDEN.findall(page))["csrf_token"], "seq": newest[1] if newest else "0"}
            due = monotonic()
            answer = await connection.ask(self._form(f"/messages/{other}/read", form))
            log.note(log.reads, due)
            expect(answer, 204, 303)
        except (OSError, KeyError, Refused) as error:
            log.errors.append(f"reading: {error!r}")
        finally:
            connection.close()
            self.busy = False

    async def _page(self, connection: Connection, other: str) -> str:
        due = monotonic()
        answer = await connection.ask(wire.get(self._port, f"/messages/{other}", self._cookie))
        self._log.note(self._log.pages, due)
        expect(answer, 200)
        if answer.cookie:
            self._cookie, self._request = answer.cookie, b""  # the new cookie contains the CSRF secret
        return answer.body.decode()

    def _form(self, path: str, form: dict[str, str]) -> bytes:
        return wire.post(self._port, path, self._cookie, urlencode(form))
