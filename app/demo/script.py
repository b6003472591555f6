"""The members of the demo and their texts, read from people.toml and conversations.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """A post of the demo. `number` is its index among the author's posts."""

    author: str
    number: int
    language: str
    body: str


@dataclass(frozen=True)
class Character:
    """A member of the demo."""

    username: str
    name: str
    language: str
    timezone: str
    about: str
    posts: tuple[Entry, ...]

    @property
    def email(self) -> str:
        """An email address in a domain that is reserved for examples (RFC 2606), so that no one receives the email."""
        return f"{sha256(self.username.encode()).hexdigest()[:12]}@example.org"


@dataclass(frozen=True)
class Talk:
    """A conversation between two members."""

    between: tuple[str, str]  # usernames
    lines: tuple[tuple[str, str], ...]  # (sender, text), oldest first
    unread: int  # number of messages at the end that are unread
    picture: tuple[int, str] | None  # (index of the message in `lines`, alt text)
    draft: tuple[str, str] | None  # (author, text)

    def reader_of(self, writer: str) -> str:
        """Return the username of the other member."""
        return self.between[1] if writer == self.between[0] else self.between[0]


@dataclass(frozen=True)
class Group:
    """A group conversation."""

    name: str
    people: tuple[str, ...]  # usernames, the founder's first
    lines: tuple[tuple[str, str], ...]  # (sender, text), oldest first


@cache
def people() -> tuple[Character, ...]:
    """Return all demo members, in the order in which they joined."""
    return tuple(_character(row) for row in _rows("people"))


@cache
def conversations() -> tuple[Talk, ...]:
    """Return all conversations, the one with the latest message first."""
    return tuple(_talk(row) for row in _rows("conversations"))


@cache
def groups() -> tuple[Group, ...]:
    """Return all groups, the one with the latest message first."""
    return tuple(Group(row["name"], tuple(row["people"]), _lines(row)) for row in _rows("groups"))


def posts() -> list[Entry]:
    """Return all posts, oldest first. The authors are mixed, in the same order on every run."""
    return sorted(
        (entry for person in people() for entry in person.posts),
        key=lambda entry: sha256(f"{entry.author}:{entry.number}".encode()).digest(),
    )


def follows(number: int) -> list[Character]:
    """Return the members whom member `number` follows: all with the same language, and some others."""
    everybody = people()
    one = everybody[number]
    steps = {1, 2, 5, 7, 11} if number % 3 else {1, 3, 4, 6, 9, 14, 17}
    others = {(number + step) % len(everybody) for step in steps}
    return [
        other
        for at, other in enumerate(everybody)
        if other is not one and (at in others or other.language == one.language)
    ]


def _character(row: dict[str, Any]) -> Character:
    said = [(row["language"], post) if isinstance(post, str) else post for post in row["posts"]]
    entries = [Entry(row["username"], at, language, body) for at, (language, body) in enumerate(said)]
    return Character(row["username"], row["name"], row["language"], row["timezone"], row["about"], tuple(entries))


def _talk(row: dict[str, Any]) -> Talk:
    one, other = row["between"]
    picture, draft = row.get("picture"), row.get("draft")
    return Talk(
        (one, other),
        _lines(row),
        row.get("unread", 0),
        (picture[0], picture[1]) if picture else None,
        (draft[0], draft[1]) if draft else None,
    )


def _lines(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((who, text) for who, text in row["lines"])


def _rows(kind: str) -> list[dict[str, Any]]:
    file = "people.toml" if kind == "people" else "conversations.toml"
    rows: list[dict[str, Any]] = tomllib.loads((HERE / file).read_text("utf-8"))[kind]
    return rows
