"""Translation functions, and the choice of the language for a request.

`_` translates at once, and `_l` when the text is rendered (for forms and errors). `_n` and `_ln` are the same for texts
with a number. `_p` and `_lp` are the same with a context, which tells translators what a short text means.

The site offers English, the source language, and each language whose catalog in `translations/` is complete enough
(LANGUAGES_FROM_PERCENT). A new language needs no Python code. A faulty catalog never breaks a page (app/catalogs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from babel.lists import format_list
from flask import current_app, request, session
from flask_babel import LazyString, force_locale, get_locale, gettext, ngettext, pgettext, refresh
from markupsafe import escape
from werkzeug.datastructures import LanguageAccept

from app.catalogs.domain import is_without_catalogs
from app.lib.locales import best_language, canonical

if TYPE_CHECKING:
    from app.models import User

SOURCE = "en"
SESSION_KEY = "language"
_zone: ContextVar[str] = ContextVar("zone", default="")

_: Callable[..., str] = gettext
_n: Callable[..., str] = ngettext
_p: Callable[..., str] = pgettext


class Lazy(LazyString):
    """A text that is translated when it is rendered.

    It is plain text: templates escape it, including the values in it. The base class would mark it as HTML.
    """

    def __html__(self) -> str:
        return str(escape(str(self)))

    def filled(self, **values: Any) -> str:
        """Return the translation with additional values, which were not known when the object was created."""
        return str(self._func(*self._args, **self._kwargs | values))


def _l(sentence: str, **values: Any) -> Lazy:
    """Return a text that is translated when it is rendered."""
    return Lazy(gettext, sentence, **values)


def _ln(singular: str, plural: str, num: int, **values: Any) -> Lazy:
    """Return a text for the number `num` that is translated when it is rendered."""
    return Lazy(ngettext, singular, plural, num, **values)


def _lp(context: str, text: str, **values: Any) -> Lazy:
    """Return a text with a context for translators that is translated when it is rendered."""
    return Lazy(pgettext, context, text, **values)


def listed(words: Iterable[str]) -> str:
    """Join words to a list in the reader's language ("Ana, Ben and Cleo"); "" for no words."""
    return str(format_list(list(words), locale=get_locale() or SOURCE))


def offered_languages(named: Iterable[str], complete: Iterable[str]) -> tuple[str, ...]:
    """Return the language codes to offer: `named` (the operator's setting), or else English and `complete`."""
    return tuple(dict.fromkeys(map(canonical, named))) or tuple(dict.fromkeys((SOURCE, *complete)))


def languages() -> tuple[str, ...]:
    """Return the language codes that the site offers, such as "en", "es" or "zh_Hant"."""
    offered: tuple[str, ...] = current_app.config["LANGUAGES"]
    return offered


def choose_language(user: User | None, accept: LanguageAccept, chosen: str = "") -> str:
    """Return the best offered language for a reader.

    The user's setting comes first, then `chosen` (the choice stored in the browser's session), then the Accept-Language
    header, then English.
    """
    wanted = [user.language if user else "", chosen, *(tag for tag, quality in accept if quality > 0)]
    return best_language([tag for tag in wanted if tag], languages()) or SOURCE


def request_language(user: User | None) -> str:
    """Return the language of the response to the current request."""
    if is_without_catalogs():
        return SOURCE
    return choose_language(user, request.accept_languages, str(session.get(SESSION_KEY, "")))


@contextmanager
def in_language_of(user: User) -> Iterator[Any]:
    """Run the block in a user's language and time zone, and yield the language code.

    Jobs need this, because the language otherwise comes from the request.
    """
    code = best_language([user.language], languages()) if user.language else None
    token = _zone.set(user.timezone)
    try:
        with force_locale(code or SOURCE):
            refresh()  # Flask-Babel also caches the time zone for the whole app context
            yield code or SOURCE
    finally:
        _zone.reset(token)
        refresh()


def zone_of_reader() -> str:
    """Return the time zone set by `in_language_of`; "" outside such a block, or if the user has not chosen one."""
    return _zone.get()
