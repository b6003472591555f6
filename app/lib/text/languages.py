"""The languages that a text can be in, and their names."""

from __future__ import annotations

from functools import cache

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers

TWO_SCRIPTS = frozenset({"zh_Hans", "zh_Hant", "sr_Cyrl", "sr_Latn"})  # many readers can read only one of the scripts


@cache
def known_languages() -> frozenset[str]:
    """Return the codes of all languages in the CLDR, such as "es" or "zh_Hant". Codes with a region are left out."""
    languages = {code for code in locale_identifiers() if "_" not in code and code != "root"}
    return frozenset(languages | TWO_SCRIPTS)


def as_language(locale: str) -> str:
    """Return the language of a locale: "pt" for "pt_BR", and "zh_Hant" for "zh_Hant_TW".

    If the language is unknown, return "".
    """
    parts = locale.replace("-", "_").split("_")
    for code in ("_".join(parts[:2]), parts[0]):
        if code in known_languages():
            return code
    return ""


@cache
def language_names(reader: str) -> dict[str, str]:
    """Return a dict from language code to language name, sorted by name. The names are in the language of `reader`."""
    try:
        locale = Locale.parse(reader, sep="_")
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    named = {}
    for code in known_languages():
        language = Locale.parse(code)
        # The CLDR does not have every name in every language; in English it has all but a handful.
        name = language.get_display_name(locale) or language.get_display_name("en")
        if name and name != code:
            named[code] = name
    return dict(sorted(named.items(), key=lambda item: item[1].casefold()))


def same_for_readers(code: str) -> frozenset[str]:
    """Return the codes of the texts that a reader of a language can read: itself and, if it has two scripts, the base.

    For example, a reader of "zh_Hant" can read texts in "zh_Hant" and in "zh", and a reader of "zh" all three.
    """
    if code in TWO_SCRIPTS:
        return frozenset({code, base(code)})
    return frozenset({code, *(one for one in TWO_SCRIPTS if base(one) == code)})


def base(code: str) -> str:
    """Return the language subtag of a code: "zh" for "zh_Hant"."""
    return code.replace("-", "_").partition("_")[0].lower()
