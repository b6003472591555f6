"""Send an email to MAIL_SERVER by SMTP, and distinguish temporary from permanent errors.

- PermanentError (RecipientRejected, ContentRejected): a retry can't help.
- smtplib.SMTPException and OSError: a retry may succeed. This includes errors that have nothing to do with the email,
  such as a failed connection or login: the operator may fix the cause while the job is retried.
"""

from __future__ import annotations

import re
import smtplib
import socket

from flask import current_app

from app.extensions import mail
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


def deliver(email: Email) -> None:
    """Send the email to MAIL_SERVER. Each step of the SMTP dialogue may take MAIL_TIMEOUT seconds.

    Raises PermanentError, smtplib.SMTPException or OSError, as the module's docstring explains.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(current_app.config["MAIL_TIMEOUT"])  # Flask-Mail has no setting for it
    answered, failure = False, None
    try:
        with mail.connect() as connection:
            try:
                if connection.host is not None:  # it is None with MAIL_SUPPRESS_SEND
                    _transmit(connection.host, email)
            except (smtplib.SMTPException, OSError, PermanentError) as error:
                failure = error
            answered = True
    except (smtplib.SMTPException, OSError):
        # The end of the `with` block sends QUIT. If the server has already disconnected, this raises an error. The
        # error does not matter if the server has replied to the email.
        if not answered:
            raise
    finally:
        socket.setdefaulttimeout(before)
    if failure is not None:
        raise failure


def _transmit(host: smtplib.SMTP, email: Email) -> None:
    options = ["SMTPUTF8", "BODY=8BITMIME"] if email.needs_smtputf8 else []  # the header is UTF-8 (RFC 6531, 3.6)
    try:
        refused = host.sendmail(email.sender, list(email.recipients), email.content, options)
    except (smtplib.SMTPNotSupportedError, UnicodeError) as error:
        raise RecipientRejected(f"the mail server has no SMTPUTF8, which {_listed(email)} needs") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _reason in error.recipients.values()}
        if min(codes) >= 500 and _NEEDS_LOGIN not in codes:
            raise RecipientRejected(f"the mail server refused the address: {error}") from error
        raise
    except smtplib.SMTPSenderRefused as error:
        if error.smtp_code == _TOO_LARGE:
            raise ContentRejected(f"the mail server refused the email: {error}") from error
        if error.smtp_code >= 500 and error.smtp_code != _NEEDS_LOGIN:
            raise PermanentError(f"the mail server refused the sender: {error}") from error
        raise
    except smtplib.SMTPDataError as error:
        if error.smtp_code < 500 or error.smtp_code == _NEEDS_LOGIN:
            raise
        kind = RecipientRejected if _ABOUT_ADDRESS.match(_bytes(error.smtp_error)) else ContentRejected
        raise kind(f"the mail server refused the email: {error}") from error
    if refused:
        current_app.logger.warning("the mail server refused some of the addresses: %s", refused)


def _listed(email: Email) -> str:
    return ", ".join(address for address in (email.sender, *email.recipients) if not address.isascii())


def _bytes(reason: bytes | str) -> bytes:
    return reason if isinstance(reason, bytes) else reason.encode()
