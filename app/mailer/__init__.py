"""Email: render an email's templates in the recipient's language and time zone, and send it by SMTP.

The templates of an email are in templates/email/<name>/. The modules of this package are:

headers           encodes the header fields in ASCII lines
message           builds the email as bytes
smtp              sends it to MAIL_SERVER
permanent_errors  decides which SMTP errors are permanent

Only jobs send email. If a worker dies after the mail server has accepted an email but before the job's transaction
commits, the email is sent again. Both copies have the same Message-ID, derived from the job's id, so email programs
show only one.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template, url_for

from app.core.i18n import in_language_of
from app.jobs import PermanentError, current_job_id
from app.lib.locales import direction, tag
from app.lib.text.names import InvalidName, smtp_address
from app.mailer.message import Draft, Email, build
from app.mailer.permanent_errors import ContentRejected, RecipientRejected
from app.mailer.smtp import deliver
from app.models import User

__all__ = [
    "ContentRejected",
    "RecipientRejected",
    "can_send_to",
    "compose",
    "deliver",
    "send",
    "send_plain",
    "site_url",
    "thread_fields",
]

_EMPTY_LINES = re.compile(r"\n\s*\n")  # left by template blocks that rendered nothing


def site_url(endpoint: str, **values: Any) -> str:
    """Return the absolute URL of an endpoint, based on PUBLIC_URL.

    The Host header of the request is not used, because clients can set it to anything.
    """
    site: str = current_app.config["SITE_URL"]
    parts = urlsplit(site)
    with current_app.test_request_context(base_url=f"{parts.scheme}://{parts.netloc}", path="/"):
        return site + url_for(endpoint, **values)


def can_send_to(address: str) -> bool:
    """Return whether this site can send email to the valid address `address`.

    If the part before the @ is not ASCII, the site can send the email only if the setting MAIL_UNICODE_ADDRESSES is
    true.
    """
    return bool(current_app.config["MAIL_UNICODE_ADDRESSES"]) or address.rpartition("@")[0].isascii()


def send(
    user: User, name: str, *, to: str | None = None, headers: Mapping[str, str] | None = None, **context: Any
) -> None:
    """Render the email `name` for `user` and send it to their address, or to `to` if given.

    `headers` are additional header fields, in ASCII. `context` has further variables for the templates. Raises
    PermanentError if a retry can't help, for example because the address is invalid. Raises smtplib.SMTPException or
    OSError if a retry may succeed.
    """
    deliver(compose(user, name, to=to, headers=headers, **context))


def compose(
    user: User, name: str, *, to: str | None = None, headers: Mapping[str, str] | None = None, **context: Any
) -> Email:
    """Render the email `name` for `user`, addressed to `to` or else to the user's own address.

    `headers` are additional header fields, in ASCII. `context` has further variables for the templates. Raises
    RecipientRejected if the address is invalid.
    """
    recipient = _checked(to or user.email)
    with in_language_of(user) as language:
        context |= {"user": user, "lang": language, "dir": direction(language), "site_url": site_url}
        return build(
            Draft(
                sender=_sender(),
                recipients=[(user.display_name, recipient)],
                subject=_part(name, "subject.txt", context),
                text=_EMPTY_LINES.sub("\n\n", _part(name, "body.txt", context)),
                html=_part(name, "body.html", context),
                message_id=_message_id(current_job_id()),
                fields={
                    "Auto-Submitted": "auto-generated",
                    "Content-Language": tag(language),
                    **(headers or {}),
                },
            )
        )


def send_plain(addresses: Sequence[str], subject: str, text: str) -> None:
    """Send a plain-text email to operators, without a template.

    An invalid or refused address does not prevent sending to the others. Addresses that are not ASCII get a separate
    email, because a server without SMTPUTF8 refuses the whole email.

    If no address can be reached, raises PermanentError if a retry can't help, and smtplib.SMTPException or OSError if a
    retry may succeed.
    """
    usable = []
    for address in addresses:
        try:
            usable.append(_checked(address))
        except RecipientRejected as reason:
            current_app.logger.warning("an address in ADMINS is left out: %s", reason)
    groups = [[address for address in usable if address.isascii() is plain] for plain in (True, False)]
    errors = [_plain_error(group, subject, text) for group in groups if group]
    if not errors:
        raise RecipientRejected("no address in ADMINS can be used")
    failures = [error for error in errors if error is not None]
    if len(failures) == len(errors):  # otherwise an operator got the email, and a retry would send it again
        raise min(failures, key=lambda error: isinstance(error, PermanentError))


def _plain_error(addresses: Sequence[str], subject: str, text: str) -> Exception | None:
    """Send a plain-text email. Return the error if it could not be sent to any of these addresses, otherwise None."""
    draft = Draft(
        sender=_sender(),
        recipients=[("", address) for address in addresses],
        subject=subject,
        text=text,
        message_id=_message_id(current_job_id()),
        fields={"Auto-Submitted": "auto-generated"},
    )
    try:
        deliver(build(draft))
    except (PermanentError, smtplib.SMTPException, OSError) as error:
        current_app.logger.warning("an email did not reach %s: %s", ", ".join(addresses), error)
        return error
    return None


def thread_fields(thread: str) -> Mapping[str, str]:
    """Return header fields that make email programs group all emails with the same `thread`.

    `thread` consists of letters, digits and dots. All emails of a thread are marked as replies to one Message-ID, which
    belongs to no real email. So they stay grouped even if the recipient deletes some of them.
    """
    root = _message_id(thread)
    return {"In-Reply-To": root, "References": root}


def _part(name: str, part: str, context: Mapping[str, Any]) -> str:
    return render_template(f"email/{name}/{part}", **context).strip() + "\n"


def _sender() -> tuple[str, str]:
    name, address = parseaddr(current_app.config["MAIL_DEFAULT_SENDER"])
    return name, _checked(address)


def _checked(address: str) -> str:
    try:
        return smtp_address(address)
    except InvalidName as error:
        raise RecipientRejected(f"refused: no email address: {address!r}") from error


def _message_id(left: str) -> str:
    return f"<{left}@{_sender()[1].rpartition('@')[2]}>"
