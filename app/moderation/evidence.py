"""The seal of a report: it breaks when a word of the note, or of the evidence, is changed afterwards.

It is the SHA-256, in hex, of a text that anybody can write down again: JSON in UTF-8 without spaces, the keys of each
object in alphabetical order, and no character escaped that JSON does not ask for:

    {"messages":[{"pictures":[{"alt":"…","file":"…","sha256":"…"}],"sender":"…","sent_at":"2026-05-04T12:30:00.000000Z",
    "seq":7,"text":"…"}],"note":"…"}

The messages stand in the order of their numbers; `sender` is the username then, "" of an account that was deleted.
The reporter is given the seal and the text: whoever changes the rows, and makes a new seal for them, cannot change
these copies.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC

from app.models import Report, ReportedMessage


def sealed_text(note: str, messages: Sequence[ReportedMessage]) -> bytes:
    """What the seal is made of."""
    content = {"note": note, "messages": [_facts(message) for message in sorted(messages, key=lambda one: one.seq)]}
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def seal(note: str, messages: Sequence[ReportedMessage]) -> str:
    """The seal of this note and this evidence."""
    return hashlib.sha256(sealed_text(note, messages)).hexdigest()


def is_intact(report: Report) -> bool:
    """Whether the rows are what was sealed. The report's evidence is loaded."""
    return hmac.compare_digest(seal(report.note, report.evidence), report.seal)


def _facts(message: ReportedMessage) -> dict[str, object]:
    return {
        "seq": message.seq,
        "sender": message.sender_name,
        "text": message.body,
        "sent_at": message.sent_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "pictures": message.images,
    }
