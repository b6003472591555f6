"""The signature over a report: checked with nothing of ours, and not to be made without the key."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, update

from app.models import Report, ReportedMessage
from tests.moderation.conftest import view_evidence

VALID, BROKEN = "The signature is valid.", "The signature isn&#39;t valid."
CHECKSUM, UNKNOWN = "The checksum matches.", "FORMER_SECRET_KEYS"


def check(document: dict[str, str], text: str) -> None:
    """As anybody would. Raises InvalidSignature."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(document["public_key"]))
    key.verify(base64.b64decode(document["signature"]), text.encode())


def old_text(rows) -> str:
    """What the digest of a report was made of before there were signatures."""
    messages = [
        f'{{"pictures":[],"sender":"ben","sent_at":"{row.sent_at:%Y-%m-%dT%H:%M:%S.%fZ}","seq":{row.seq},"text":"{row.body}"}}'
        for row in rows
    ]
    return f'{{"messages":[{",".join(messages)}],"note":"He insults me"}}'


def rows_of(db):
    return db.session.scalars(select(ReportedMessage).order_by(ReportedMessage.seq)).all()


def test_downloaded_evidence_can_be_verified_by_anyone(members, reported):
    document = members.ana.get(f"/report/receipt/{reported.id}/sealed.json").json
    check(document, document["signed"])
    with pytest.raises(InvalidSignature):
        check(document, document["signed"].replace("You are a fool", "You are a friend"))
    signed = json.loads(document["signed"])
    assert (signed["report"], signed["accused"], signed["note"]) == (reported.id, "ben", "He insults me")
    assert [item["text"] for item in signed["items"]] == ["You are a fool", "Never, fool"]


def test_changed_row_with_changed_digest_is_detected(members, db, reported):
    """With a bare digest this went unnoticed."""
    db.session.execute(update(ReportedMessage).where(ReportedMessage.seq == 1).values(body="You are a friend"))
    db.session.execute(update(Report).values(seal=hashlib.sha256(old_text(rows_of(db)).encode()).hexdigest()))
    db.session.commit()
    assert BROKEN in view_evidence(members.mia, reported)
    assert VALID not in members.ana.get(f"/report/receipt/{reported.id}").text


def test_old_report_without_signature_shows_a_checksum_only(members, db, reported):
    digest = hashlib.sha256(old_text(rows_of(db)).encode()).hexdigest()
    db.session.execute(update(Report).values(signature="", key_id="", seal=digest))
    db.session.commit()
    page = view_evidence(members.mia, reported)
    assert CHECKSUM in page and VALID not in page
    assert members.ana.get(f"/report/receipt/{reported.id}/sealed.json").data.decode() == old_text(rows_of(db))
    db.session.execute(update(ReportedMessage).where(ReportedMessage.seq == 1).values(body="You are a friend"))
    db.session.commit()
    assert BROKEN in members.mia.get(f"/moderation/{reported.id}").text


def test_signature_of_a_former_key_is_verified(members, db, reported, configure, app, as_):
    view_evidence(members.mia, reported)
    path, former = f"/report/receipt/{reported.id}", app.config["SECRET_KEY"]
    configure(SECRET_KEY="another secret that is long enough " * 2)  # which logs everybody out
    ana, mia = as_(members.ana.user), as_(members.mia.user)
    page = ana.get(path).text
    assert UNKNOWN in page and VALID not in page and BROKEN not in page
    configure(FORMER_SECRET_KEYS=(former,))
    assert VALID in ana.get(path).text and VALID in mia.get(f"/moderation/{reported.id}").text
    document = ana.get(f"{path}/sealed.json").json
    check(document, document["signed"])
