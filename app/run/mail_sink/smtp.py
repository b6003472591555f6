"""The mail sink's SMTP server. It accepts email to any address, and stores it on disk before it replies "250"."""

from __future__ import annotations

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.run.mail_sink.store import MailStore

LARGEST = 32 * 1024 * 1024  # bytes


class Handler:
    """The handler for aiosmtpd, which calls `handle_DATA` for each email."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Store an email. Answer 451 ("try again later") if it can't be written."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            mail_id = self._store.add(content, [str(address) for address in envelope.rcpt_tos])
        except OSError as error:
            return f"451 4.3.0 cannot be stored: {error.strerror}"
        return f"250 2.0.0 kept as {mail_id}"


def listen(store: MailStore, port: int) -> Controller:
    """Start the SMTP server on 127.0.0.1, in its own thread. Raises OSError if the port is in use."""
    controller = Controller(
        Handler(store),
        hostname="127.0.0.1",
        port=port,
        enable_SMTPUTF8=True,
        data_size_limit=LARGEST,
        ident="Microblog mail sink",
    )
    controller.start()
    return controller
