"""The images in the evidence of reports. Their files are in the store of message images.

A file is not deleted while a report uses it. A reported avatar, and the images of a reported post, are copied into the
store, because their owner may delete the originals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import current_app

from app.core.images import storage
from app.lib.media import Storage
from app.models import Post, Report, User
from app.moderation import queries
from app.queries.post_images import images_of
from app.web import attached_images


def fingerprint(name: str) -> str:
    """Return the SHA-256 of a stored image in hex, or "" if the file is missing."""
    try:
        with storage("messages").open(name) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return ""


@contextmanager
def copied_avatar(reporter: User, person: User) -> Iterator[Sequence[dict[str, str]]]:
    """Copy a user's uploaded avatar into the store of message images, and provide the copy to the `with` block.

    The copy is `[{"file", "alt", "sha256"}]`, or `[]` if the user has no avatar. The `with` block stores the report by
    `reporter`. At the end of the block, delete the copies that no report uses: those of a report that was refused, or
    of a form that was submitted twice.
    """
    avatars = Storage(current_app.config["DATA_DIR"] / "media" / "avatars")
    with _copied(reporter, avatars, [(person.avatar, "")] if person.avatar else []) as copies:
        yield copies


@contextmanager
def copied_images(reporter: User, post: Post) -> Iterator[Sequence[dict[str, str]]]:
    """Copy the images of a post into the store of message images, as `copied_avatar` does.

    A missing file is left out.
    """
    with _copied(reporter, storage("posts"), [(image.file, image.alt) for image in images_of(post)]) as copies:
        yield copies


@contextmanager
def _copied(reporter: User, store: Storage, images: Sequence[tuple[str, str]]) -> Iterator[Sequence[dict[str, str]]]:
    reporter_id = reporter.id  # the session may have expired the user at the end
    copies: list[dict[str, str]] = []
    try:
        for name, alt in images:
            copies += _copy(store, name, alt)
        yield copies
    finally:
        if copies:
            used = queries.evidence_files(reporter_id)
            attached_images.remove((copy["file"] for copy in copies if copy["file"] not in used), storage("messages"))


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
