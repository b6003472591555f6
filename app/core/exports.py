"""The registry of the parts of a data export, and the storage of export files.

Each feature registers its own parts when it is imported. So the export job needs no imports from other features.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from flask import current_app

from app.lib.media import Storage


class Piece(NamedTuple):
    """A chunk of the JSON text of an export file. `things` is the number of items in this chunk."""

    text: bytes
    things: int = 0


class Part(NamedTuple):
    """A part of the export file: a top-level key, and the functions that return its JSON value.

    `pieces(owner_id)` yields the JSON value in chunks. The caller ends the read transaction after each chunk.
    `count(owner_id)` returns the total number of items, which is used to show the progress. `things` is the key under
    which the export job reports the number of exported items. It is "" if the items are not counted.
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
    """Encode batches of items as one JSON list, and yield the list in chunks."""
    between = b"\n"
    yield Piece(b"[")
    for batch in batches:
        if batch:
            yield Piece(between + b",\n".join(to_json(item) for item in batch), len(batch))
            between = b",\n"
    yield Piece(b"\n]")


def exports() -> Storage:
    """Return the storage for finished exports, a folder in DATA_DIR.

    Exports are private, so a web server must not serve this folder.
    """
    return Storage(current_app.config["DATA_DIR"] / "exports")
