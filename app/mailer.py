"""Mail: `send` renders the folder templates/email/<mail>/ in the reader's language and zone, and speaks SMTP.

For jobs only.

The Message-ID is made from the job that sends it, so it was fixed when the mail was ordered: if a worker dies between
the server's "250 OK" and our commit, the second copy carries the same id and mail programs show one.
"""

from __future__ import annotations

import re
import smtplib
import socket
from collections.abc import Mapping
from email.mime.base import MIMEBase
from email.policy import EmailPolicy
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template, url_for
from flask_mail import Message

from app.extensions import mail
from app.i18n import direction, in_language_of
from app.jobs import GiveUp, current_job_id
from app.models import User

_EMPTY_LINES = re.compile(r"\n\s*\n")  # a template leaves some where it had nothing to say


def site_url(endpoint: str, **values: Any) -> str:
    """The public address of an endpoint, from PUBLIC_URL and never from a Host header."""
    site: str = current_app.config["SITE_URL"]
    parts = urlsplit(site)
    with current_app.test_request_context(base_url=f"{parts.scheme}://{parts.netloc}", path="/"):
        return site + url_for(endpoint, **values)


def send(
    user: User, name: str, *, to: str | None = None, headers: Mapping[str, str] | None = None, **context: Any
) -> None:
    """Send the mail `name` to `user` (or to their other address `to`), once for each attempt of the running job.

    `headers` are ASCII, and come on top of those that every mail has.
    Raises GiveUp when the server refuses it for good (5xx), smtplib.SMTPException or OSError when trying again may
    help: the job's retry ladder does.
    """
    recipient = to or user.email
    with in_language_of(user) as language:
        context |= {"user": user, "lang": language, "dir": direction(language), "site_url": site_url}
        message = _Message(
            subject=_header(_part(name, "subject.txt", context)),
            recipients=[_address(user.display_name, recipient)],
            body=_EMPTY_LINES.sub("\n\n", _part(name, "body.txt", context)),
            html=_part(name, "body.html", context),
            extra_headers={
                "Auto-Submitted": "auto-generated",
                "Content-Language": language.replace("_", "-"),
                **(headers or {}),
            },
        )
    message.msgId = message_id(current_job_id())
    deliver(message)


def deliver(message: Message) -> None:
    """Hand one message to MAIL_SERVER, each step within MAIL_TIMEOUT. Raises as `send` does."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(current_app.config["MAIL_TIMEOUT"])  # Flask-Mail has no setting for it
    try:
        with mail.connect() as connection:
            connection.send(message)
    except smtplib.SMTPServerDisconnected as error:
        # Some servers hang up on QUIT, after they have taken the mail; connect() lets that out only then.
        raise ConnectionError("the mail server hung up") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _reason in error.recipients.values()]
        if codes and all(code >= 500 for code in codes):
            raise GiveUp(f"the mail server refused the address: {error}") from error
        raise
    except smtplib.SMTPResponseException as error:
        if error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPAuthenticationError):
            raise GiveUp(f"the mail server refused the mail: {error}") from error
        raise
    finally:
        socket.setdefaulttimeout(before)


class _WholeAddresses(EmailPolicy):
    """The form of a mail on the wire, in which the address in List-Unsubscribe is one piece.

    Python breaks a long one into encoded words (RFC 2047), which a mail program must not decode there.
    """

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name == "List-Unsubscribe" else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode() if name == "List-Unsubscribe" else super().fold_binary(name, value)


class _Message(Message):
    def _message(self) -> MIMEBase:
        made: MIMEBase = super()._message()
        made.policy = _WholeAddresses(linesep="\r\n")
        return made


def _part(name: str, part: str, context: Mapping[str, Any]) -> str:
    return render_template(f"email/{name}/{part}", **context).strip() + "\n"


def _address(name: str, address: str) -> tuple[str, str]:
    return _header(name), address


def _header(text: str) -> str:
    """Text with people's own words in it, for a header: no line break, and no "=?", which a reader's program would
    take for an encoded word (RFC 2047) and decode to what nobody checked. Flask-Mail encodes the rest.
    """
    return " ".join(text.split()).replace("=?", "= ?")


def message_id(job_id: str) -> str:
    """The Message-ID of the mail a job sends: the same on every attempt."""
    sender = parseaddr(current_app.config["MAIL_DEFAULT_SENDER"])[1]
    return f"<{job_id}@{sender.rpartition('@')[2] or 'localhost'}>"
