"""Decide whether an SMTP error is permanent. After a permanent error, sending the same email again can't succeed.

All other errors may be temporary. They include errors that have nothing to do with the email, such as a failed login:
the operator may fix the cause while the job is retried.
"""

from __future__ import annotations

import re
import smtplib

from app.jobs import PermanentError
from app.mailer.message import Email

_NEEDS_LOGIN = 530  # "authentication required" and "must issue a STARTTLS command first"
_TOO_LARGE = 552
_ABOUT_ADDRESS = re.compile(rb"\s*5\.[12]\.")  # enhanced status codes about addresses and mailboxes (RFC 3463)


class RecipientRejected(PermanentError):
    """No email can be sent to this address: it is invalid, or the server refuses it permanently."""


class ContentRejected(PermanentError):
    """The mail server permanently refuses this email because of its content or size.

    Other emails to the same address may be accepted.
    """


def permanent_error(error: smtplib.SMTPException | UnicodeError, email: Email) -> PermanentError | None:
    """Return a PermanentError if `error` means that `email` can never be sent. Return None if a retry may succeed."""
    if isinstance(error, smtplib.SMTPNotSupportedError | UnicodeError):
        return RecipientRejected(f"the mail server has no SMTPUTF8, which {_listed(email)} needs")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {code for code, _reason in error.recipients.values()}
        is_permanent = min(codes) >= 500 and _NEEDS_LOGIN not in codes
        return RecipientRejected(f"the mail server refused the address: {error}") if is_permanent else None
    if not isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError):
        return None
    if error.smtp_code < 500 or error.smtp_code == _NEEDS_LOGIN:
        return None
    if isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code != _TOO_LARGE:
        return PermanentError(f"the mail server refused the sender: {error}")
    is_about_address = isinstance(error, smtplib.SMTPDataError) and _ABOUT_ADDRESS.match(_bytes(error.smtp_error))
    kind = RecipientRejected if is_about_address else ContentRejected
    return kind(f"the mail server refused the email: {error}")


def _listed(email: Email) -> str:
    return ", ".join(address for address in (email.sender, *email.recipients) if not address.isascii())


def _bytes(reason: bytes | str) -> bytes:
    return reason if isinstance(reason, bytes) else reason.encode()
