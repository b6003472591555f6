"""Send an email to MAIL_SERVER by SMTP.

`deliver` raises a PermanentError if a retry can't help (permanent_errors.py). If a retry may succeed, it raises
smtplib.SMTPException or OSError.
"""

from __future__ import annotations

import smtplib
import socket

from flask import current_app

from app.extensions import mail
from app.jobs import PermanentError
from app.mailer.message import Email
from app.mailer.permanent_errors import permanent_error


def deliver(email: Email) -> None:
    """Send the email to MAIL_SERVER. Each step of the SMTP dialogue can take up to MAIL_TIMEOUT seconds.

    Raises PermanentError if a retry can't help, and smtplib.SMTPException or OSError if a retry may succeed.
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
    except (smtplib.SMTPException, UnicodeError) as error:
        permanent = permanent_error(error, email)
        if permanent is None:
            raise
        raise permanent from error
    if refused:
        current_app.logger.warning("the mail server refused some of the addresses: %s", refused)
