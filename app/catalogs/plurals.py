"""The plural rule of a catalog (its "Plural-Forms" header), validated before it is used."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from babel import Locale, UnknownLocaleError
from babel.messages.plurals import DEFAULT_PLURAL, PLURALS, get_plural
from babel.plural import to_gettext

_HEADER = re.compile(r"\s*nplurals\s*=\s*(\d{1,3})\s*;\s*plural\s*=\s*(.+?)\s*;?\s*\Z", re.DOTALL)
_MOST_FORMS = 10  # Arabic has the most: six
_TRIED = (*range(1001), 10_000, 1_000_000, 1_000_001, 2_000_000, 10**9, 10**12 + 3)


@dataclass(frozen=True)
class PluralRule:
    """The number of plural forms, and a C expression in `n` that selects one of them.

    The browser evaluates the same expression (static/js/lib/i18n.js), so pages and scripts use the same form.
    """

    count: int
    expression: str

    @cached_property
    def index(self) -> Callable[[int], int]:
        """The function that returns the index of the plural form to use for a number."""
        return gettext.c2py(self.expression)

    @cached_property
    def single(self) -> frozenset[int]:
        """The indexes of the plural forms that are used for exactly one number, such as the English singular for n = 1.

        A translation of such a form may omit the number's placeholder ("one reply").
        """
        served: dict[int, set[int]] = {}
        for number in _TRIED:
            served.setdefault(self.index(number), set()).add(number)
        return frozenset(form for form, numbers in served.items() if len(numbers) == 1)


def parse(header: str) -> PluralRule:
    """Parse a Plural-Forms header. Raises ValueError, with the reason, if it is invalid."""
    match = _HEADER.match(header)
    if not match:
        raise ValueError(f"the Plural-Forms header is not understood: {header!r}")
    count, expression = int(match[1]), " ".join(match[2].split())
    if not 1 <= count <= _MOST_FORMS:
        raise ValueError(f"the Plural-Forms header names {count} forms; a language has 1 to {_MOST_FORMS}")
    rule = PluralRule(count, expression)
    try:
        wrong = [(number, form) for number in _TRIED if not 0 <= (form := rule.index(number)) < count]
    except (ValueError, ArithmeticError, SyntaxError, RecursionError) as error:
        raise ValueError(f"the plural rule {expression!r} cannot be used: {error}") from None
    if wrong:
        number, form = wrong[0]
        raise ValueError(f"the plural rule {expression!r} gives form {form} for {number}, and there are {count} forms")
    return rule


def of_language(code: str) -> PluralRule:
    """Return the default plural rule of a language.

    This is the first rule that exists: Babel's gettext rule, the rule of the Unicode CLDR, or the English rule.
    """
    try:
        locale = Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return PluralRule(*DEFAULT_PLURAL)
    if str(locale) in PLURALS or locale.language in PLURALS:
        count, expression = get_plural(str(locale))[:2]
        return PluralRule(count, expression)
    try:
        return parse(to_gettext(locale.plural_form))
    except ValueError:  # the CLDR rule can't be expressed in C: some operands exist only for compact numbers
        return PluralRule(*DEFAULT_PLURAL)
