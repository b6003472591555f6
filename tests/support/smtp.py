"""A real SMTP server that keeps what it gets, and can misbehave."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.controller import Controller

from tests.support.ports import free_port

Mode = Literal[
    "ok",
    "4xx",
    "5xx",
    "4xx-address",
    "5xx-address",
    "login-at-rcpt",
    "login-at-data",
    "hang",
    "drop",
    "5xx-hang-up",
    "drop-at-quit",
]
HANG_UP = ""  # what `answer_to` returns to close the connection without an answer


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived."""

    envelope_to: list[str]
    message: EmailMessage
    raw: bytes = b""
    """The bytes after DATA, dots unstuffed."""

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def to(self) -> str:
        """The To header, decoded."""
        return str(self.message["To"])

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        """The plain part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part else ""


class Mailbox:
    """What the server got, oldest first: iterate it, index it, len() it, or ask `to(address)`.

    `mode` says how it behaves: "ok"; "4xx" and "5xx" refuse the mail after DATA, "4xx-address" and "5xx-address" at
    RCPT; "login-at-rcpt" and "login-at-data" ask for a login there; "hang" keeps the mail and never answers; "drop"
    keeps it and hangs up. "5xx-hang-up" refuses the mail after
    DATA and closes the connection; "drop-at-quit" takes the mail and closes it at QUIT. `refuse()` stops listening.

    `answer_to` decides for each mail by its content: set it to a function from Mail to the server's answer, or to None
    for "250 OK". `offer_smtputf8(False)` makes a server that takes ASCII addresses only.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.mode: Mode = "ok"
        self.answer_to: Callable[[Mail], str | None] | None = None
        self._smtputf8 = True
        self.tried = 0  # mails that were offered, refused ones included
        self._mails: list[Mail] = []
        self._lock = threading.Lock()
        self._controller: Controller | None = None

    def start(self) -> None:
        """Listen."""
        self._controller = Controller(
            _Handler(self), hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=self._smtputf8
        )
        self._controller.start()

    def stop(self) -> None:
        """Stop listening: connections are refused."""
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    refuse = stop

    def offer_smtputf8(self, offered: bool) -> None:
        """Start again, with or without the SMTPUTF8 extension (RFC 6531)."""
        self.stop()
        self._smtputf8 = offered
        self.start()

    def clear(self) -> None:
        """Forget all mail and behave."""
        with self._lock:
            self._mails.clear()
        self.mode, self.answer_to, self.tried = "ok", None, 0
        if not self._smtputf8:
            self.offer_smtputf8(True)
        if self._controller is None:
            self.start()

    def keep(self, mail: Mail) -> None:
        """Called by the server."""
        with self._lock:
            self._mails.append(mail)

    def to(self, address: str) -> list[Mail]:
        """The mails to one address, oldest first."""
        with self._lock:
            return [mail for mail in self._mails if address in mail.envelope_to]

    def __iter__(self) -> Iterator[Mail]:
        with self._lock:
            return iter(list(self._mails))

    def __len__(self) -> int:
        with self._lock:
            return len(self._mails)

    def __getitem__(self, index: int) -> Mail:
        with self._lock:
            return self._mails[index]


class _Handler:
    def __init__(self, box: Mailbox) -> None:
        self.box = box

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        if self.box.mode == "4xx-address":
            return "450 4.2.0 try again later"
        if self.box.mode == "5xx-address":
            return "550 5.1.1 no such mailbox"
        if self.box.mode == "login-at-rcpt":
            return "530 5.7.0 authentication required"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_QUIT(self, server: Any, _session: Any, _envelope: Any) -> str:
        if self.box.mode == "drop-at-quit":
            server.transport.close()
            return ""
        return "221 Bye"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        self.box.tried += 1
        mode = self.box.mode
        if mode == "4xx":
            return "451 4.3.0 try again later"
        if mode == "5xx":
            return "554 5.6.0 refused"
        if mode == "login-at-data":
            return "530 5.7.0 authentication required"
        if mode == "5xx-hang-up":
            server.transport.write(b"554 5.6.0 refused\r\n")
            server.transport.close()
            return ""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        mail = Mail(list(envelope.rcpt_tos), message, envelope.content)
        answer = self.box.answer_to(mail) if self.box.answer_to else None
        if answer == HANG_UP:
            server.transport.close()
        if answer is not None:
            return answer
        self.box.keep(mail)
        if mode == "hang":
            while self.box.mode == "hang":
                await asyncio.sleep(0.05)
        if mode == "drop":
            server.transport.close()
        return "250 OK"
