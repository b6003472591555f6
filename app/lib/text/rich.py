"""Plain text, cleaned on input and rendered as safe HTML on output.

Users write plain text; URLs, @names and #tags in it become links. No text is ever interpreted as HTML. All functions
take linear time, whatever the text contains.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import regex
from markupsafe import Markup, escape

from app.lib.text.length import stream_safe
from app.lib.text.links import display_url, find_links
from app.lib.text.names import USERNAME_POINTS, username_key
from app.lib.text.scripts import EMOJI_PARTS, UNSPACED

TAG_POINTS = 64
"""The maximum length of a tag in code points. Longer tags are treated as plain text."""


class InvalidText(ValueError):
    """The error for a text that can't be stored. `code` is "characters": the text contains lone surrogates."""

    def __init__(self, code: Literal["characters"]) -> None:
        super().__init__(code)
        self.code = code


class Piece(NamedTuple):
    """A part of a text.

    `raw` is the part as it was written. `value` is the URL of a link, the username of a mention (without @), or the
    name of a tag (without #). For plain text, `value` is "".
    """

    kind: Literal["text", "link", "mention", "tag"]
    raw: str
    value: str


_LINE_ENDS = regex.compile("\r\n?|[\u0085\u2028\u2029]")
_CONTROLS = regex.compile(r"[\p{Cc}--[\n\t]]", flags=regex.V1)
_INVISIBLE = regex.compile(r"[\s\p{Default_Ignorable_Code_Point}\p{C}\u2800]*")
_GAP = regex.compile(r"\n{3,}")

# A name has one script, so a Latin name ends where another script begins: "@aliceさん" mentions alice. Possessive
# quantifiers (++, *+) don't backtrack, so the time is linear.
_LATIN = r"[\p{Latin}0-9][\p{Latin}\p{Inherited}0-9_]*+(?:-++[\p{Latin}\p{Inherited}0-9_]++)*+"
_OTHER = r"[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd}_]*+(?:-++[\p{L}\p{M}\p{Nd}_]++)*+"
# "@" and "#" begin a mention or a tag only at the start of a word, or directly after text of a script without spaces, a
# numbered bullet or an emoji. After "/", "." or "&", the sign is part of a URL or an HTML entity.
_IN_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}{EMOJI_PARTS}\p{{No}}]]"
# ZWNJ and ZWJ shape Arabic and Indic words ("#نرم‌افزار"); between Latin letters they only hide differences.
_JOINER = r"(?<=[[\p{L}\p{M}]--[\p{Latin}\p{Greek}\p{Cyrillic}]])[\u200c\u200d](?=[\p{L}\p{M}])"
_SIGNS = regex.compile(
    rf"(?<!{_IN_WORD})(?<![_@＠/.+&-])[@＠](?P<mention>{_LATIN}|{_OTHER})(?![@＠])"
    rf"|(?<!{_IN_WORD})(?<![_#＃/&])[#＃](?P<tag>(?:[\p{{L}}\p{{M}}\p{{N}}_]|{_JOINER})++)",
    flags=regex.V1,
)
_SURROGATE = regex.compile(r"[\ud800-\udfff]")
_LETTER = regex.compile(r"\p{L}")
# "谢谢@name" mentions someone; "谢谢@name.example" is an address.
_UNSPACED = regex.compile(f"[{UNSPACED}]")
_MORE_OF_A_DOMAIN = regex.compile(r"\.[\p{L}\p{N}]")


def clean(text: str) -> str:
    """Return `text` normalised for storage: in NFC, with newlines as line ends, and without control characters.

    Tabs are kept. Spaces at the ends of lines and empty lines around the text are removed. Raises InvalidText for lone
    surrogates, which cannot be encoded in UTF-8.
    """
    if _SURROGATE.search(text):
        raise InvalidText("characters")
    lines = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    composed = unicodedata.normalize("NFC", stream_safe(lines))
    return "\n".join(line.rstrip() for line in composed.split("\n")).strip("\n")


def is_blank(text: str) -> bool:
    """Return whether `text` consists only of spaces and invisible characters, or is empty."""
    return _INVISIBLE.fullmatch(text) is not None


def pieces(text: str) -> Iterator[Piece]:
    """Split `text` into plain text, links, mentions and tags. The joined `raw` values of all pieces equal `text`."""
    at = 0
    for link in find_links(text):
        yield from _signs(text, at, link.start)
        yield Piece("link", text[link.start : link.end], link.url)
        at = link.end
    yield from _signs(text, at, len(text))


def _signs(text: str, start: int, end: int) -> Iterator[Piece]:
    at = start
    for found in _SIGNS.finditer(text, start, end):
        name, tag = found["mention"], found["tag"]
        if name and len(name) <= USERNAME_POINTS and not _is_in_address(text, found.start(), found.end()):
            piece = Piece("mention", found[0], unicodedata.normalize("NFKC", name))
        elif tag and len(tag) <= TAG_POINTS and _LETTER.search(tag):
            piece = Piece("tag", found[0], unicodedata.normalize("NFKC", tag))
        else:
            continue
        if at < found.start():
            yield Piece("text", text[at : found.start()], "")
        yield piece
        at = found.end()
    if at < end:
        yield Piece("text", text[at:end], "")


def _is_in_address(text: str, start: int, end: int) -> bool:
    return bool(_UNSPACED.fullmatch(text[start - 1 : start]) and _MORE_OF_A_DOMAIN.match(text, end))


def mentions(text: str) -> list[str]:
    """Return the usernames that `text` mentions, in their order in the text and without "@".

    Usernames that differ only in case are the same user, who is returned only once.
    """
    return _each_once(text, "mention")


def tags(text: str) -> list[str]:
    """Return the tags in `text`, in their order in the text and without "#".

    If tags differ only in case, only the first of them is returned.
    """
    return _each_once(text, "tag")


def _each_once(text: str, kind: str) -> list[str]:
    first: dict[str, str] = {}
    for piece in pieces(text):
        if piece.kind == kind:
            first.setdefault(username_key(piece.value), piece.value)
    return list(first.values())


def render(
    text: str,
    *,
    mention_url: Callable[[str], str | None] = lambda name: None,
    tag_url: Callable[[str], str | None] = lambda tag: None,
) -> Markup:
    """Render `text` as safe inline HTML, for an element with `dir="auto"`.

    `mention_url(name)` and `tag_url(tag)` must return the URL of a link, or None for no link. Each of these functions
    is called only once for each name or tag. Only http and https URLs in the text become links.
    """
    asked: dict[tuple[str, str], str | None] = {}

    def address(piece: Piece) -> str | None:
        key = (piece.kind, piece.value)
        if key not in asked:
            asked[key] = (mention_url if piece.kind == "mention" else tag_url)(piece.value)
        return asked[key]

    parts: list[Markup] = []
    for piece in pieces(_GAP.sub("\n\n", text)):
        if piece.kind == "text":
            parts.append(escape(piece.raw).replace("\n", Markup("<br>\n")))
        elif piece.kind == "link":
            parts.append(_external_link(piece))
        else:
            parts.append(_internal_link(piece, address(piece)))
    return Markup("").join(parts)


_EXTERNAL_LINK = Markup('<a class="link" href="{}" rel="nofollow noopener noreferrer ugc"><bdi dir="ltr">{}</bdi></a>')


def _external_link(piece: Piece) -> Markup:
    return _EXTERNAL_LINK.format(piece.value, display_url(piece.value))


def _internal_link(piece: Piece, url: str | None) -> Markup:
    if url is None:
        return Markup("<bdi>{}</bdi>").format(piece.raw)
    return Markup('<a class="{}" href="{}"><bdi>{}</bdi></a>').format(piece.kind, url, piece.raw)
