"""The images in the evidence of reports. Their files are in the store of message images.

A file is not deleted while a report uses it. A reported avatar is copied into the store, because the avatar's owner may
replace the original.
"""

from __future__ import annotations

import hashlib

from flask import current_app

from app.lib.media import Storage
from app.models import Report, User


def storage() -> Storage:
    """Return the store of message images, in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / "messages")


def fingerprint(name: str) -> str:
    """Return the SHA-256 of a stored image in hex, or "" if the file is missing."""
    try:
        with storage().open(name) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return ""


def copy_avatar(person: User) -> list[dict[str, str]]:
    """Copy a user's uploaded avatar into the store of message images.

    Return `[{"file", "alt", "sha256"}]`, or `[]` if the user has no avatar. If the report is then refused, the job
    messages.remove_stray_pictures deletes the copy.
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
    """Return the content of image `number` of a report, counted from 0 across all items.

    Return None if there is no such image, or if the file is missing or has changed since the report.
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
