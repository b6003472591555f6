"""Other words in a compiled catalog, for the time of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flask import Flask

from app.catalogs.loading import Catalogs

Say = Callable[[Mapping[str, str]], None]


@contextmanager
def translations(app: Flask, code: str) -> Iterator[Say]:
    """Give a function `say({msgid: text})` that replaces translations in the catalog `code`, all their plural forms.

    The texts are taken as they are, past the checks of compiling. After the block all is as before. Raises KeyError for
    a msgid that is not in the catalog.
    """
    catalogs: Catalogs = app.extensions["catalogs"]
    messages = catalogs.by_code[code].messages
    before = dict(messages)

    def say(texts: Mapping[str, str]) -> None:
        catalogs.logged_faults.clear()  # each broken one is logged once, and here each is another one
        for msgid, text in texts.items():
            forms = before[msgid]
            messages[msgid] = [text] * len(forms) if isinstance(forms, list) else text

    try:
        yield say
    finally:
        messages.update(before)
