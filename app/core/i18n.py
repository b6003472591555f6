"""Translation functions, and the choice of the language for a request.

    _, _l       translate a text: `_` at once, `_l` when the text is rendered (for forms and errors)
    _n, _ln     translate a text with a number: `_n` at once, `_ln` when rendered; the number selects the plural form
    _p, _lp     translate a short text: `_p` at once, `_lp` when rendered; a context tells translators what it means

The site offers the languages in the setting LANGUAGES. By default, these are English, the source language, and each
language whose catalog in `translations/` is complete enough (LANGUAGES_FROM_PERCENT). A new language needs no Python
code. A faulty catalog never breaks a page (app/catalogs).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import get_datetime_format, get_timezone_gmt
from babel.lists import format_list
from flask import current_app, request, session
from flask_babel import (
    LazyString,
    force_locale,
    format_date,
    format_time,
    get_locale,
    gettext,
    ngettext,
    pgettext,
    refresh,
    to_user_timezone,
)
from markupsafe import escape
from werkzeug.datastructures import LanguageAccept

from app.catalogs.domain import is_without_catalogs
from app.lib.locales import best_language, canonical

if TYPE_CHECKING:
    from app.models import User

SOURCE = "en"
SESSION_KEY = "language"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})  # bidirectional classes of letters
_zone: ContextVar[str] = ContextVar("zone", default="")

_: Callable[..., str] = gettext
_n: Callable[..., str] = ngettext
_p: Callable[..., str] = pgettext


class Lazy(LazyString):
    """A text that is translated when it is rendered. Templates escape the text and its values.

    Flask-Babel's own class marks the text as HTML. Templates would not escape such a text.
    """

    def __html__(self) -> str:
        return str(escape(str(self)))

    def filled(self, **values: Any) -> str:
        """Return the translated text. `values` are placeholder values that were unknown when the object was created."""
        return str(self._func(*self._args, **self._kwargs | values))


def _l(sentence: str, **values: Any) -> Lazy:
    """Return a text that is translated when it is rendered."""
    return Lazy(gettext, sentence, **values)


def _ln(singular: str, plural: str, num: int, **values: Any) -> Lazy:
    """Return a text that is translated when it is rendered. `num` selects the singular or a plural form."""
    return Lazy(ngettext, singular, plural, num, **values)


def _lp(context: str, text: str, **values: Any) -> Lazy:
    """Return a text that is translated when it is rendered. `context` tells translators what the text means."""
    return Lazy(pgettext, context, text, **values)


def listed(words: Iterable[str]) -> str:
    """Return the words as a list in the reader's language, such as "Ana, Ben, and Cleo"; "" for no words."""
    return str(format_list(list(words), locale=get_locale() or SOURCE))


def isolated(text: object) -> str:
    """Return `text`, prepared for a place in a plain-text sentence that may have another writing direction.

    If the text or the reader's language is written from right to left, the text is put between bidi isolate characters
    (FSI and PDI). Without them, the words and punctuation around the text could be displayed in the wrong order. In
    HTML, the <bdi> element has the same effect.
    """
    word = str(text)
    if _reader_locale().text_direction == "rtl" or any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in word):
        return f"\u2068{word}\u2069"
    return word


def moment_text(moment: datetime) -> str:
    """Return the date, time and UTC offset of `moment`, in the reader's language and time zone.

    For example, "November 28, 2026, 6:10 PM (GMT+01:00)".
    """
    local, locale = to_user_timezone(moment), _reader_locale()
    zone = get_timezone_gmt(local, "long", locale=locale) if local.utcoffset() else "UTC"
    pattern = str(get_datetime_format("long", locale=locale)).replace("'", "")
    date, time = format_date(moment, "long"), format_time(moment, "short")
    return f"{pattern.replace('{1}', date).replace('{0}', time)} ({zone})"


def _reader_locale() -> Locale:
    return get_locale() or Locale.parse(SOURCE)


def offered_languages(named: Iterable[str], complete: Iterable[str]) -> tuple[str, ...]:
    """Return the codes of the languages to offer: `named` or, if `named` is empty, English and `complete`.

    `named` are the operator's languages (LANGUAGES). `complete` are the languages with a sufficiently complete catalog.
    """
    return tuple(dict.fromkeys(map(canonical, named))) or tuple(dict.fromkeys((SOURCE, *complete)))


def languages() -> tuple[str, ...]:
    """Return the language codes that the site offers, such as "en", "es" or "zh_Hant"."""
    offered: tuple[str, ...] = current_app.config["LANGUAGES"]
    return offered


def choose_language(user: User | None, accept: LanguageAccept, chosen: str = "") -> str:
    """Return the best language for a reader, of those that the site offers.

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
    """Run the `with` block in a user's language and time zone, and yield the language code.

    Jobs need this, because they have no request to choose a language from.
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
    """Return the time zone that `in_language_of` has set for its `with` block.

    Return "" outside such a block, and if the user has not chosen a time zone.
    """
    return _zone.get()
