"""Other words in a compiled catalog, for the time of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flask import Flask

Say = Callable[[Mapping[str, str]], None]


@contextmanager
def translations(app: Flask, code: str) -> Iterator[Say]:
    """Give a function `say({msgid: text})` that replaces translations in the catalog `code`, all their plural forms.

    The texts are taken as they are: what is wrong with them is not checked. After the block all is as before.
    """
    messages = app.extensions["catalogs"].by_code[code].messages
    before = dict(messages)

    def say(texts: Mapping[str, str]) -> None:
        for msgid in texts.keys() & before.keys():
            old = before[msgid]
            messages[msgid] = texts[msgid] if isinstance(old, str) else [texts[msgid]] * len(old)

    try:
        yield say
    finally:
        messages.update(before)
