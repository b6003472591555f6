"""Pictures in evidence: files that the messages' store keeps for as long as a report names them.

Of a profile's picture the store gets a copy, since its owner may replace it.
"""

from __future__ import annotations

import hashlib

from flask import current_app

from app.lib.media import Storage
from app.models import Report, User


def storage() -> Storage:
    """The store of pictures in messages, in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / "messages")


def fingerprint(name: str) -> str:
    """The SHA-256 of a stored picture, in hex; "" when it is gone."""
    try:
        with storage().open(name) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return ""


def copy_avatar(person: User) -> list[dict[str, str]]:
    """Copy the avatar a person has uploaded into the store: `[{"file", "alt", "sha256"}]`; `[]` when there is none.

    A copy that no report names in the end is removed by messages.remove_stray_pictures.
    """
    if not person.avatar:
        return []
    avatars = Storage(current_app.config["DATA_DIR"] / "media" / "avatars")
    try:
        with avatars.open(person.avatar) as file:
            content = file.read()
    except FileNotFoundError:
        return []
    name = storage().save(content, person.avatar.rpartition(".")[2])
    return [{"file": name, "alt": "", "sha256": hashlib.sha256(content).hexdigest()}]


def read(report: Report, number: int) -> bytes | None:
    """The picture of that number, counted from 0 through all of a report's messages.

    None when there is none, and when the file is not the one that was reported.
    """
    named = [image for message in report.evidence for image in message.images]
    if number >= len(named):
        return None
    try:
        with storage().open(named[number]["file"]) as file:
            content = file.read()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == named[number]["sha256"] else None
