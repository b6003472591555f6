"""Which language, and its strings.

`_` for text that is needed now, `_l` for text that is needed later (forms, errors), `_n` and `_ln` for text with a
number, `_p` and `_lp` for short text whose context tells translators what it means.
Offered are English, the source, and every language whose catalog in `translations/` is translated well enough
(LANGUAGES_FROM_PERCENT); no Python is edited to add one. A catalog with faults never breaks a page (app/catalogs).
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
    """A sentence that is translated when it is shown.

    It is text: a page escapes it, and with it the names that were put into it. Its base class says that it is HTML.
    """

    def __html__(self) -> str:
        return str(escape(str(self)))

    def filled(self, **values: Any) -> str:
        """Return the sentence with values that were not known when it was written."""
        return str(self._func(*self._args, **self._kwargs | values))


def _l(sentence: str, **values: Any) -> Lazy:
    """The sentence, to be translated when it is needed."""
    return Lazy(gettext, sentence, **values)


def _ln(singular: str, plural: str, num: int, **values: Any) -> Lazy:
    """Return the sentence for the number `num`, to be translated when it is needed."""
    return Lazy(ngettext, singular, plural, num, **values)


def _lp(context: str, text: str, **values: Any) -> Lazy:
    """Return a text with a context, to be translated when it is needed."""
    return Lazy(pgettext, context, text, **values)


def listed(words: Iterable[str]) -> str:
    """Words as the reader lists them ("Ana, Ben and Cleo"); "" for none."""
    return str(format_list(list(words), locale=get_locale() or SOURCE))


def offered_languages(named: Iterable[str], complete: Iterable[str]) -> tuple[str, ...]:
    """Return the codes of the languages to offer: those the operator `named`, else English and the `complete` ones."""
    return tuple(dict.fromkeys(map(canonical, named))) or tuple(dict.fromkeys((SOURCE, *complete)))


def languages() -> tuple[str, ...]:
    """The locale codes offered to members, such as "en", "es" or "zh_Hant"."""
    offered: tuple[str, ...] = current_app.config["LANGUAGES"]
    return offered


def choose_language(user: User | None, accept: LanguageAccept, chosen: str = "") -> str:
    """The person's own setting, else what they chose on this browser, else what the browser asks for."""
    wanted = [user.language if user else "", chosen, *(tag for tag, quality in accept if quality > 0)]
    return best_language([tag for tag in wanted if tag], languages()) or SOURCE


def request_language(user: User | None) -> str:
    """The language of the answer to the current request."""
    if is_without_catalogs():
        return SOURCE
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
