"""Build an email as bytes. Any text is accepted.

All lines are 7-bit ASCII. They have at most 76 columns, except for long words in header fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from app.core.time import now
from app.mailer import headers

# With "7bit", the standard library encodes text with long lines or non-ASCII characters as quoted-printable or base64,
# whichever is shorter, in lines of this length (RFC 2045, section 6.7). Servers refuse lines over 998 octets.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=headers.WIDTH)
_LINE_ENDS = re.compile(r"\r\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Email:
    """An email that is ready to be sent. The domains of its addresses are in ASCII, as SMTP requires."""

    sender: str
    recipients: Sequence[str]
    content: bytes

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address is not ASCII, so that the mail server must support SMTPUTF8 (RFC 6531)."""
        return not all(address.isascii() for address in (self.sender, *self.recipients))


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The content of an email.

    `fields` maps the names of additional header fields to their values. The values must be ASCII, without line breaks.
    """

    sender: tuple[str, str]  # display name and address
    recipients: Sequence[tuple[str, str]]
    subject: str
    text: str
    html: str = ""
    message_id: str
    fields: Mapping[str, str]


def build(draft: Draft) -> Email:
    """Build the email. Any text is accepted. Control characters are removed."""
    head = [
        headers.text_field("Subject", draft.subject),
        headers.address_field("From", [draft.sender]),
        headers.address_field("To", list(draft.recipients)),
        f"Date: {format_datetime(now())}",
        f"Message-ID: {draft.message_id}",
        *(f"{name}: {value}" for name, value in draft.fields.items()),
    ]
    content = "".join(f"{field}\r\n" for field in head).encode() + _body(draft)
    return Email(draft.sender[1], [address for _name, address in draft.recipients], content)


def _body(draft: Draft) -> bytes:
    """Return the encoded body, preceded by its Content-* header fields."""
    message = EmailMessage(policy=_POLICY)
    message.set_content(_writable(draft.text))
    if draft.html:
        message.add_alternative(_writable(draft.html), subtype="html")
    return message.as_bytes()


def _writable(text: str) -> str:
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    return text.encode(errors="replace").decode()  # replaces lone surrogates
