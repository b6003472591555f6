"""What a member can take along: the parts of the file, each told by the feature that keeps it, and where files lie.

A feature registers its parts when it is imported, so that the job which writes the file need not know the features.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from flask import current_app

from app.lib.media import Storage


class Piece(NamedTuple):
    """Some of a part's JSON, and how many of the things that the part counts are in it."""

    text: bytes
    things: int = 0


class Part(NamedTuple):
    """One key of the file. `pieces(owner_id)` gives its JSON value bit by bit, and holds no transaction meanwhile.

    `count(owner_id)` is the number of things in it, for the progress; `things` is what they are called in the job's
    result, "" for a part that is too small to count.
    """

    key: str
    pieces: Callable[[int], Iterator[Piece]]
    count: Callable[[int], int] = lambda _owner_id: 0
    things: str = ""


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    """Let every export have this part."""
    _parts[part.key] = part


def parts() -> Sequence[Part]:
    """What an export has, in the order of the keys."""
    return [_parts[key] for key in sorted(_parts)]


def to_json(value: object) -> bytes:
    """A value as it stands in the file."""
    return json.dumps(value, ensure_ascii=False).encode()


def as_list(batches: Iterable[Sequence[Any]]) -> Iterator[Piece]:
    """The pieces of a list whose items come in batches."""
    between = b"\n"
    yield Piece(b"[")
    for batch in batches:
        if batch:
            yield Piece(between + b",\n".join(to_json(item) for item in batch), len(batch))
            between = b",\n"
    yield Piece(b"\n]")


def exports() -> Storage:
    """The store of finished exports, in DATA_DIR. Only the site serves these files, never a web server."""
    return Storage(current_app.config["DATA_DIR"] / "exports")
