"""The mail sink's storage: .eml files, written atomically and named by arrival time. Only the newest 1000 are kept."""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path

KEEP = 1000
NAME = re.compile(r"[0-9]{20}-[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True)
class Mail:
    """An email with the parts that the page shows."""

    id: str
    recipients: tuple[str, ...]  # the recipients of the SMTP envelope
    sender: str
    subject: str
    message_id: str
    received_at: datetime
    text: str
    html: str
    source: str


class MailStore:
    """The emails in `folder`. Only the newest `keep` emails are kept."""

    def __init__(self, folder: Path, keep: int = KEEP) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._keep = keep
        self._adding = threading.Lock()

    def add(self, content: bytes, recipients: list[str]) -> str:
        """Store an email on disk, and return its id. Raises OSError if it can't be written."""
        with self._adding:
            name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
            draft, final = self._folder / f"{name}.part", self._folder / f"{name}.eml"
            envelope = "".join(f"X-Envelope-To: {address}\r\n" for address in recipients)
            with draft.open("wb") as file:
                file.write(envelope.encode() + content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(final)
            for old in self.ids()[self._keep :]:
                (self._folder / f"{old}.eml").unlink(missing_ok=True)
            return name

    def ids(self) -> list[str]:
        """Return the ids of all emails, newest first."""
        names = (path.stem for path in self._folder.glob("*.eml"))
        return sorted(filter(NAME.fullmatch, names), reverse=True)

    def get(self, mail_id: str) -> Mail | None:
        """Return the email with this id; None if there is none."""
        if not NAME.fullmatch(mail_id):
            return None
        try:
            return read(self._folder / f"{mail_id}.eml")
        except FileNotFoundError:
            return None

    def newest(self, recipient: str = "") -> Iterator[Mail]:
        """Yield emails, newest first. If `recipient` is given, yield only those to that address."""
        for mail_id in self.ids():
            mail = self.get(mail_id)
            if mail and (not recipient or recipient.casefold() in map(str.casefold, mail.recipients)):
                yield mail


@lru_cache(maxsize=KEEP)  # safe, because a stored email never changes
def read(path: Path) -> Mail:
    """Read and parse the email in the file `path`. Raises FileNotFoundError."""
    content = path.read_bytes()
    message = message_from_bytes(content, policy=policy.default)
    return Mail(
        id=path.stem,
        recipients=tuple(str(address) for address in message.get_all("X-Envelope-To", [])),
        sender=str(message.get("From", "")),
        subject=str(message.get("Subject", "")),
        message_id=str(message.get("Message-ID", "")).strip(),
        received_at=datetime.fromtimestamp(int(path.stem[:20]) / 1e9, UTC),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        source=content.decode(errors="replace"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, ValueError):  # unknown charset
        payload = part.get_payload(decode=True)
        return payload.decode(errors="replace") if isinstance(payload, bytes) else ""
