"""The languages a text can be in, and their names."""

from __future__ import annotations

from functools import cache

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers

TWO_SCRIPTS = frozenset({"zh_Hans", "zh_Hant", "sr_Cyrl", "sr_Latn"})  # where readers of one may not read the other


@cache
def known_languages() -> frozenset[str]:
    """Codes such as "es" or "zh_Hant": the languages that the CLDR knows, whatever the country."""
    languages = {code for code in locale_identifiers() if "_" not in code and code != "root"}
    return frozenset(languages | TWO_SCRIPTS)


def as_language(locale: str) -> str:
    """The language of a locale: "pt_BR" is written in "pt", "zh_Hant_TW" in "zh_Hant". "" when nobody knows it."""
    parts = locale.replace("-", "_").split("_")
    for code in ("_".join(parts[:2]), parts[0]):
        if code in known_languages():
            return code
    return ""


@cache
def language_names(reader: str) -> dict[str, str]:
    """Code to name, in the language of the locale `reader`, in the order of the names."""
    try:
        locale = Locale.parse(reader, sep="_")
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    named = {}
    for code in known_languages():
        language = Locale.parse(code)
        # The CLDR does not name every language in every other one; English names them all but a handful.
        name = language.get_display_name(locale) or language.get_display_name("en")
        if name and name != code:
            named[code] = name
    return dict(sorted(named.items(), key=lambda item: item[1].casefold()))


def base(code: str) -> str:
    """The language without script or country: "zh" of "zh_Hant"."""
    return code.replace("-", "_").partition("_")[0].lower()
