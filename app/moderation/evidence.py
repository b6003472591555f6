"""Sign reports and verify their signatures. A signature shows whether the note or the evidence was changed later.

The signed text is JSON in UTF-8, without spaces, with sorted keys, and without unnecessary escapes. Times are in UTC.
This is the text of a report of messages:

    {"accused":"ben","items":[{"deleted_at":null,"facts":{},"pictures":[{"alt":"…","file":"…","sha256":"…"}],
    "sender":"ben","sent_at":"2026-05-04T12:30:00.000000Z","seq":7,"text":"…"}],"kind":"messages","note":"…",
    "report":12,"reported_at":"2026-05-04T12:34:56.000000Z"}

The reporter can download the signed text, but may not see the content of some items, such as a message that the sender
had deleted. Such an item has a `commitment` instead of `facts`, `pictures` and `text`. The `commitment` is the SHA-256,
in hex, of the item's salt followed by the JSON of these three fields. With the salt, anyone can verify that the content
matches.

Older reports have no signature, only the SHA-256 of a simpler text. The SHA-256 proves nothing, because anyone who can
change the rows can also recalculate it. Therefore, pages call it a checksum.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from app.models import Report, ReportedMessage
from app.moderation import signing
from app.moderation.signing import Signature, UnknownKeyError

# "signed": the signature is valid. "checksum": an old report, without a signature, matches its SHA-256.
# "unknown key": the signature can't be verified. "broken": the report was changed.
State = Literal["signed", "checksum", "unknown key", "broken"]


def new_salt() -> str:
    """Return a random salt for an item whose content the reporter may not see: 128 bits in hex."""
    return secrets.token_hex(16)


def sign(report: Report) -> None:
    """Sign a report and store the signature in it. The report must already have its id, time, note and evidence."""
    text = signed_text(report)
    signature = signing.sign(text)
    report.seal = hashlib.sha256(text).hexdigest()
    report.signature, report.key_id = signature.value, signature.key_id


def state(report: Report) -> State:
    """Verify a report's signature or checksum, and return the result.

    The caller must have loaded the report's evidence.
    """
    if not report.signature:
        digest = hashlib.sha256(_old_text(report.note, report.evidence)).hexdigest()
        return "checksum" if hmac.compare_digest(digest, report.seal) else "broken"
    try:
        is_signed = signing.is_signed(signed_text(report), Signature(report.signature, report.key_id))
    except UnknownKeyError:
        return "unknown key"
    return "signed" if is_signed else "broken"


def signed_text(report: Report) -> bytes:
    """Return the text that is signed for a report, in the format that the module's docstring describes."""
    return _json(
        {
            "kind": report.kind,
            "report": report.id,
            "reported_at": _time(report.created_at),
            "accused": report.accused_name,
            "note": report.note,
            "items": [_item(item) for item in _in_order(report.evidence)],
        }
    )


def document(report: Report, *, disclose: bool) -> bytes:
    """Return a JSON file with the signed text, its signature and the public key. The file can be verified offline.

    If `disclose` is true, the file also contains the content that the reporter may not see. For a report without a
    signature, return the text from which its checksum was calculated.
    """
    if not report.signature:
        return _old_text(report.note, report.evidence)
    try:
        key = signing.public_key(report.key_id)
    except UnknownKeyError:
        key = ""
    content: dict[str, Any] = {
        "algorithm": "Ed25519",
        "key_id": report.key_id,
        "public_key": key,
        "signature": report.signature,
        "signed": signed_text(report).decode(),
    }
    if disclose:
        withheld = [item for item in _in_order(report.evidence) if item.salt]
        content["withheld"] = [{"seq": item.seq, "salt": item.salt, **_content(item)} for item in withheld]
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def _item(item: ReportedMessage) -> dict[str, object]:
    known: dict[str, object] = {
        "seq": item.seq,
        "sender": item.sender_name,
        "sent_at": _time(item.sent_at),
        "deleted_at": _time(item.deleted_at) if item.deleted_at else None,
    }
    if not item.salt:
        return {**known, **_content(item)}
    return {**known, "commitment": hashlib.sha256(item.salt.encode() + _json(_content(item))).hexdigest()}


def _content(item: ReportedMessage) -> dict[str, object]:
    return {"text": item.body, "pictures": item.images, "facts": item.facts}


def _old_text(note: str, messages: Sequence[ReportedMessage]) -> bytes:
    """Return the text whose SHA-256 is the checksum of a report without a signature."""
    facts = [
        {
            "seq": message.seq,
            "sender": message.sender_name,
            "text": message.body,
            "sent_at": _time(message.sent_at),
            "pictures": message.images,
        }
        for message in _in_order(messages)
    ]
    return _json({"note": note, "messages": facts})


def _in_order(items: Sequence[ReportedMessage]) -> Sequence[ReportedMessage]:
    return sorted(items, key=lambda item: item.seq)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
