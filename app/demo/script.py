"""The members of the demo and their texts, read from people.toml, threads.toml and conversations.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VOTING = 0.6  # share of the members who vote in a poll
BOOKMARKED = 0.05  # share of the posts that a member bookmarks
REPOSTED = 0.15  # share of the liked posts that a member who likes them also reposts


@dataclass(frozen=True)
class Entry:
    """A post, a reply or a quote of the demo.

    `number` is the index of a post among the author's posts, or the index of a reply or quote among those of its
    thread.
    """

    author: str
    number: int
    language: str
    body: str
    visibility: str = ""
    warning: str = ""
    earlier: str = ""  # the text before it was edited; "" if it wasn't
    images: tuple[tuple[str, str], ...] = ()  # (name in painting.py, alt text)
    poll: tuple[str, ...] = ()  # options
    thread: int = 0  # for a reply or quote, the number of its thread, from 1
    parent: Entry | None = None  # what it replies to
    quoted: Entry | None = None

    @property
    def form_key(self) -> str:
        """The form key with which the post or reply is published."""
        return f"demo-{self.thread}-{self.number}" if self.thread else f"demo-{self.number}"


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
        """An email address in a domain that is reserved for examples (RFC 2606), so that no one receives emails."""
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
        """Return the username of the member who is not `writer`."""
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
    """Return all posts, replies and quotes, oldest first.

    The posts of all authors are mixed, in the same order on every run. Each post is followed by at most one reply to an
    earlier post or quote of one, so that threads grow over some time.
    """
    mixed = sorted(
        (entry for person in people() for entry in person.posts),
        key=lambda entry: sha256(f"{entry.author}:{entry.number}".encode()).digest(),
    )
    entries: list[Entry] = []
    waiting: list[Entry] = []
    for entry in mixed:
        entries.append(entry)
        if waiting:
            entries.append(waiting.pop(0))
        waiting += _answers().get((entry.author, entry.number), [])
    return entries + waiting


@cache
def _answers() -> dict[tuple[str, int], list[Entry]]:
    """Return the replies and quotes of all threads.

    Each key is the author and the number of the post that starts a thread.
    """
    found: dict[tuple[str, int], list[Entry]] = {}
    for thread, row in enumerate(_rows("threads"), start=1):
        author, number = row["post"]
        post = next(one for person in people() if person.username == author for one in person.posts[number:])
        replies: list[Entry] = []
        for at, (who, language, body, *parent) in enumerate(row["replies"]):
            replies.append(Entry(who, at, language, body, thread=thread, parent=replies[parent[0]] if parent else post))
        quotes = enumerate(row.get("quotes", []), start=len(replies))
        found[author, number] = replies + [
            Entry(who, at, language, body, thread=thread, quoted=post) for at, (who, language, body) in quotes
        ]
    return found


def likers(entry: Entry) -> list[str]:
    """Return the usernames of the members who like a post. The most popular posts have about six likes.

    A post that not all members can see has no likes.
    """
    if entry.visibility:
        return []
    popularity = _chance("popular", entry) / 4
    return [
        one.username for one in people() if one.username != entry.author and _chance(one.username, entry) < popularity
    ]


def reposters(entry: Entry) -> list[str]:
    """Return the usernames of the members who repost a post: some of those who like it.

    Replies aren't reposted, because without the conversation they are hard to understand.
    """
    if entry.parent is not None:
        return []
    return [name for name in likers(entry) if _chance(f"repost {name}", entry) < REPOSTED]


def savers(entry: Entry) -> list[str]:
    """Return the usernames of the members who bookmark a post.

    A post that not all members can see has no bookmarks.
    """
    if entry.visibility:
        return []
    return [one.username for one in people() if _chance(f"bookmark {one.username}", entry) < BOOKMARKED]


def votes(entry: Entry) -> dict[str, int]:
    """Return who votes in the poll of a post, and the position of the option that they choose."""
    voters = [one.username for one in people() if entry.poll and one.username != entry.author]
    chances = {name: _chance(f"vote {name}", entry) for name in voters}
    return {name: int(chance * 97) % len(entry.poll) for name, chance in chances.items() if chance < VOTING}


def _chance(about: str, entry: Entry) -> float:
    """Return a pseudorandom number from 0 to 1 for an entry and a purpose (`about`).

    The number is the same on every run.
    """
    return sha256(f"{about}:{entry.author}:{entry.form_key}".encode()).digest()[0] / 256


def follows(number: int) -> list[Character]:
    """Return the members whom member `number` follows: all members with the same language, and some others."""
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
    entries = [_entry(row, at, post) for at, post in enumerate(row["posts"])]
    return Character(row["username"], row["name"], row["language"], row["timezone"], row["about"], tuple(entries))


def _entry(row: dict[str, Any], at: int, post: str | list[str] | dict[str, Any]) -> Entry:
    if isinstance(post, str):
        return Entry(row["username"], at, row["language"], post)
    if isinstance(post, list):
        return Entry(row["username"], at, language=post[0], body=post[1])
    language, level, warning = (
        post.get("language", row["language"]),
        post.get("visibility", ""),
        post.get("warning", ""),
    )
    return Entry(
        row["username"],
        at,
        language,
        post["text"],
        visibility=level,
        warning=warning,
        earlier=post.get("earlier", ""),
        images=tuple((name, alt) for name, alt in post.get("images", ())),
        poll=tuple(post.get("poll", ())),
    )


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
    file = f"{kind}.toml" if kind in {"people", "threads"} else "conversations.toml"
    rows: list[dict[str, Any]] = tomllib.loads((HERE / file).read_text("utf-8"))[kind]
    return rows
