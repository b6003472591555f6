"""Other words in a compiled catalog, for the time of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flask import Flask
from flask_babel import force_locale, get_translations

Say = Callable[[Mapping[str, str]], None]


@contextmanager
def translations(app: Flask, code: str) -> Iterator[Say]:
    """Give a function `say({msgid: text})` that replaces translations in the catalog `code`, all their plural forms.

    The texts are taken as they are: what is wrong with them is not checked. After the block all is as before.
    """
    with app.app_context(), force_locale(code):
        catalog = get_translations()._catalog  # Flask-Babel keeps one object for all requests
    before = dict(catalog)

    def say(texts: Mapping[str, str]) -> None:
        for key in before:
            msgid = key[0] if isinstance(key, tuple) else key
            if msgid in texts:
                catalog[key] = texts[msgid]

    try:
        yield say
    finally:
        catalog.update(before)
