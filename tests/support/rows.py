"""The rows of a list of conversations, as somebody reads them."""

from __future__ import annotations

import re
from html import unescape

_ROW = re.compile(r'<li [^>]*data-row="(\d+)".*?</li>', re.DOTALL)
_WITHIN = re.compile(r"</?(bdi|mark|b)\b[^>]*>")  # part of a word's line
_TAG = re.compile(r"<[^>]+>")


def words(html: str) -> str:
    """The text of a piece of a page, on one line."""
    return " ".join(unescape(_TAG.sub(" ", _WITHIN.sub("", html))).split())


def rows(html: str) -> dict[int, str]:
    """Conversation id -> what its row says, in the order of the page."""
    return {int(row[1]): words(row[0]) for row in _ROW.finditer(html)}


def polled_states(browser, since: float = 0) -> dict[str, object]:
    """What the poll tells, newest state of each name."""
    return {one["name"]: one["data"] for one in browser.get(f"/notifications?since={since}").json}
