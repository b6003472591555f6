"""The parts of a member's data export, and the storage of finished export files.

Features register their parts when they are imported, so the export job does not import the features.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from flask import current_app

from app.lib.media import Storage


class Piece(NamedTuple):
    """A chunk of a part's JSON, and the number of items in it."""

    text: bytes
    things: int = 0


class Part(NamedTuple):
    """A top-level key of the export file, and its content.

    `pieces(owner_id)` yields the JSON value in chunks, and holds no transaction while it yields. `count(owner_id)`
    returns the number of items, which is used to show the progress. `things` is the key of that number in the job's
    result; it is "" for a part whose items are not counted.
    """

    key: str
    pieces: Callable[[int], Iterator[Piece]]
    count: Callable[[int], int] = lambda _owner_id: 0
    things: str = ""


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    """Add a part to every export."""
    _parts[part.key] = part


def parts() -> Sequence[Part]:
    """Return all parts, sorted by key."""
    return [_parts[key] for key in sorted(_parts)]


def to_json(value: object) -> bytes:
    """Encode a value as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()


def as_list(batches: Iterable[Sequence[Any]]) -> Iterator[Piece]:
    """Encode batches of items as one JSON list, and yield it in chunks."""
    between = b"\n"
    yield Piece(b"[")
    for batch in batches:
        if batch:
            yield Piece(between + b",\n".join(to_json(item) for item in batch), len(batch))
            between = b",\n"
    yield Piece(b"\n]")


def exports() -> Storage:
    """Return the storage of finished exports, a folder in DATA_DIR. Never let a web server serve it."""
    return Storage(current_app.config["DATA_DIR"] / "exports")
