"""gettext for Python and templates. A faulty translation never breaks a page.

- In an autoescaped template, the translation and its placeholder values are escaped, except values that are Markup.
- In Python, nothing is escaped, and the result is a str. But if a value is Markup, the translation and the other values
  are escaped, and the result is Markup.

If a translation can't be formatted, the English text is used, and the error is logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app, g, has_app_context
from flask_babel import Babel, Domain, get_locale, refresh
from jinja2.nodes import EvalContext
from jinja2.utils import pass_eval_context
from markupsafe import Markup, escape
from werkzeug.utils import cached_property

from app.catalogs.loading import Catalogs
from app.catalogs.po import key

_log = logging.getLogger("app.catalogs")


class CatalogDomain(Domain):
    """Flask-Babel's domain, changed to use the catalogs of `app.catalogs.loading`."""

    def gettext(self, string: str, **variables: Any) -> str:
        return say(string, variables)

    def ngettext(self, singular: str, plural: str, num: int, **variables: Any) -> str:
        return say(singular, {"num": num} | variables, plural=plural, number=num)

    def pgettext(self, context: str, string: str, **variables: Any) -> str:
        return say(string, variables, context=context)

    def npgettext(self, context: str, singular: str, plural: str, num: int, **variables: Any) -> str:
        return say(singular, {"num": num} | variables, plural=plural, number=num, context=context)


class CatalogBabel(Babel):
    """Flask-Babel with `CatalogDomain`, and with gettext functions that escape in autoescaped templates."""

    def init_app(self, app: Flask, *args: Any, **kwargs: Any) -> None:
        super().init_app(app, *args, **kwargs)
        app.jinja_env.globals.update(gettext=_gettext, ngettext=_ngettext, pgettext=_pgettext, npgettext=_npgettext)

    @cached_property
    def domain_instance(self) -> Domain:
        return CatalogDomain(domain=self.domain)


def catalogs() -> Catalogs:
    """Return the catalogs of the current app."""
    found: Catalogs = current_app.extensions["catalogs"]
    return found


@contextmanager
def without_catalogs() -> Iterator[None]:
    """Use English for all texts in the `with` block. Error pages need this, because a catalog may be faulty."""
    g.without_catalogs = True
    refresh()
    try:
        yield
    finally:
        g.without_catalogs = False
        refresh()


def is_without_catalogs() -> bool:
    """Return whether a `without_catalogs` block is active."""
    return bool(has_app_context() and g.get("without_catalogs"))


def say(
    msgid: str,
    values: Mapping[str, Any],
    *,
    plural: str | None = None,
    number: int | None = None,
    context: str | None = None,
    html: bool = False,
) -> str:
    """Return the string `msgid` in the reader's language, with its placeholders filled in.

    The result is escaped Markup if `html` is true or if a value is Markup; otherwise, it is an unescaped str. Raises
    KeyError if `values` lacks a placeholder of the English text.
    """
    translation = None
    code = "" if is_without_catalogs() else str(get_locale())
    catalog = catalogs().by_code.get(code)
    if catalog:
        try:
            translation = catalog.find(key(msgid, context), number)
            if translation is not None:
                return _fill(translation, values, html=html)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            _log_fault(code, key(msgid, context), translation, error)
    return _fill(msgid if plural is None or number == 1 else plural, values, html=html)


def _fill(text: str, values: Mapping[str, Any], *, html: bool) -> str:
    if html or any(isinstance(value, Markup) for value in values.values()):
        text = escape(text)
    return text % values


def _log_fault(code: str, entry: str, translation: str | None, error: Exception) -> None:
    told = catalogs().logged_faults
    if (code, entry) not in told:
        told.add((code, entry))
        _log.error("A translation cannot be shown, English is: %s: %r -> %r: %s", code, entry, translation, error)


@pass_eval_context
def _gettext(context: EvalContext, msgid: str, /, **values: Any) -> str:
    return say(msgid, values, html=context.autoescape)


@pass_eval_context
def _ngettext(context: EvalContext, singular: str, plural: str, number: int, /, **values: Any) -> str:
    return say(singular, {"num": number} | values, plural=plural, number=number, html=context.autoescape)


@pass_eval_context
def _pgettext(context: EvalContext, of: str, msgid: str, /, **values: Any) -> str:
    return say(msgid, values, context=of, html=context.autoescape)


@pass_eval_context
def _npgettext(context: EvalContext, of: str, singular: str, plural: str, number: int, /, **values: Any) -> str:
    values = {"num": number} | values
    return say(singular, values, plural=plural, number=number, context=of, html=context.autoescape)
