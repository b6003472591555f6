"""The data export of a member: the parts of the file, and where finished files are stored.

Each feature registers its own parts when it is imported, so the export job does not depend on the features.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from flask import current_app

from app.lib.media import Storage


class Piece(NamedTuple):
    """A chunk of a part's JSON, and how many counted items it contains."""

    text: bytes
    things: int = 0


class Part(NamedTuple):
    """One key of the export file.

    `pieces(owner_id)` yields its JSON value in chunks, and holds no transaction between them. `count(owner_id)`
    returns the number of items, for the progress. `things` names the items in the job's result; "" for a part that
    is too small to count.
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
    """Encode a value as JSON for the file."""
    return json.dumps(value, ensure_ascii=False).encode()


def as_list(batches: Iterable[Sequence[Any]]) -> Iterator[Piece]:
    """Yield the pieces of a JSON list whose items come in batches."""
    between = b"\n"
    yield Piece(b"[")
    for batch in batches:
        if batch:
            yield Piece(between + b",\n".join(to_json(item) for item in batch), len(batch))
            between = b",\n"
    yield Piece(b"\n]")


def exports() -> Storage:
    """Return the storage of finished exports, in DATA_DIR. Only the app serves these files, never a web server."""
    return Storage(current_app.config["DATA_DIR"] / "exports")
