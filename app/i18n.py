"""Which language, and its strings.

`_` for text that is needed now, `_l` for text that is needed later (forms, errors), `_n` for text with a number.
Offered are English, the source, and every language whose folder in `translations/` holds a compiled catalog; no Python
is edited to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from flask import current_app, request, session
from flask_babel import LazyString, force_locale, gettext, ngettext, refresh
from markupsafe import escape
from werkzeug.datastructures import LanguageAccept

from app.models import User

SOURCE = "en"
SESSION_KEY = "language"
_zone: ContextVar[str] = ContextVar("zone", default="")

_: Callable[..., str] = gettext
_n: Callable[..., str] = ngettext


class Lazy(LazyString):
    """A sentence that is translated when it is shown.

    It is text: a page escapes it, and with it what was put into it. Its base class says that it is HTML.
    """

    def __html__(self) -> str:
        return str(escape(str(self)))


def _l(sentence: str, **values: Any) -> Lazy:
    """The sentence, to be translated when it is needed."""
    return Lazy(gettext, sentence, **values)


def catalogs(folder: Path) -> tuple[str, ...]:
    """The locale codes that have a compiled catalog in `folder`, the source language first."""
    found = {path.parent.parent.name for path in folder.glob("*/LC_MESSAGES/messages.mo")}
    return (SOURCE, *sorted(found - {SOURCE}))


def languages() -> tuple[str, ...]:
    """The locale codes offered to members, such as "en", "es" or "zh_Hant"."""
    offered: tuple[str, ...] = current_app.config["LANGUAGES"]
    return offered


@cache
def language_name(code: str) -> str:
    """A language's name in itself ("Español"); the code when nobody knows it."""
    try:
        name = Locale.parse(code).get_display_name() or code
    except (ValueError, UnknownLocaleError):
        return code
    return name[0].upper() + name[1:]


@cache
def direction(code: str) -> str:
    """ "rtl" or "ltr": how the language is written."""
    try:
        return str(Locale.parse(code).text_direction)
    except (ValueError, UnknownLocaleError):
        return "ltr"


def _steps(tag: str) -> Iterator[str]:
    """What may serve a reader who asked for `tag`, best first: zh-TW -> zh_TW, zh_Hant_TW, zh_Hant, zh."""
    code = tag.replace("-", "_")
    yield code
    likely = get_global("likely_subtags")
    full = likely.get(code) or likely.get(code.split("_")[0])
    if full:
        parts = full.split("_")
        yield "_".join(parts[:2])
    yield code.split("_")[0]


def best_language(wanted: Iterable[str], offered: Iterable[str]) -> str | None:
    """The first of `wanted` (language tags, best first) that `offered` (locale codes) can serve."""
    by_key = {code.lower(): code for code in offered}
    for tag in wanted:
        for step in _steps(tag):
            if step.lower() in by_key:
                return by_key[step.lower()]
    return None


def choose_language(user: User | None, accept: LanguageAccept, chosen: str = "") -> str:
    """The person's own setting, else what they chose on this browser, else what the browser asks for."""
    wanted = [user.language if user else "", chosen, *(tag for tag, quality in accept if quality > 0)]
    return best_language([tag for tag in wanted if tag], languages()) or SOURCE


def request_language(user: User | None) -> str:
    """The language of the answer to the current request."""
    return choose_language(user, request.accept_languages, str(session.get(SESSION_KEY, "")))


@contextmanager
def in_language_of(user: User) -> Iterator[Any]:
    """Run the block in a person's language and zone: for the worker, which has no request to ask."""
    code = best_language([user.language], languages()) if user.language else None
    token = _zone.set(user.timezone)
    try:
        with force_locale(code or SOURCE):
            refresh()  # Flask-Babel remembers a zone, too, for as long as the app context lives
            yield code or SOURCE
    finally:
        _zone.reset(token)
        refresh()


def zone_of_reader() -> str:
    """The zone of the person in whose language a block runs; "" outside one, and for who has chosen none."""
    return _zone.get()
