"""The images in the evidence of reports. Their files are in the store of message images.

A file is not deleted while a report uses it. A reported avatar, and the images of a reported post, are copied into the
store, because their owner may delete the originals.
"""

from __future__ import annotations

import hashlib

from flask import current_app

from app.core.images import storage
from app.lib.media import Storage
from app.models import Post, Report, User
from app.queries.post_images import images_of


def fingerprint(name: str) -> str:
    """Return the SHA-256 of a stored image in hex, or "" if the file is missing."""
    try:
        with storage("messages").open(name) as file:
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
    return _copy(avatars, person.avatar, "")


def copy_images(post: Post) -> list[dict[str, str]]:
    """Copy the images of a post into the store of message images, as `copy_avatar` does.

    Return `[{"file", "alt", "sha256"}]`. A missing file is left out.
    """
    return [copy for image in images_of(post) for copy in _copy(storage("posts"), image.file, image.alt)]


def _copy(store: Storage, name: str, alt: str) -> list[dict[str, str]]:
    try:
        with store.open(name) as file:
            content = file.read()
    except FileNotFoundError:
        return []
    copy = storage("messages").save(content, name.rpartition(".")[2])
    return [{"file": copy, "alt": alt, "sha256": hashlib.sha256(content).hexdigest()}]


def read(report: Report, number: int) -> bytes | None:
    """Return the content of image `number` of a report, counted from 0 across all items.

    Return None if there is no such image, or if the file is missing or has changed since the report.
    """
    named = [image for message in report.evidence for image in message.images]
    if number >= len(named):
        return None
    try:
        with storage("messages").open(named[number]["file"]) as file:
            content = file.read()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == named[number]["sha256"] else None
