"""The languages offered to a writer, most likely first."""

from __future__ import annotations

from collections import Counter

from app.core.i18n import _
from app.lib.text.languages import as_language, language_names

Choice = tuple[str, str]


def by_use(recent: str | None) -> list[str]:
    """Return the languages in a text such as "es,,en,es" (queries/timelines.py), most used first."""
    return [code for code, _times in Counter(filter(None, (recent or "").split(","))).most_common()]


def choices(page_language: str, first: list[str], site: tuple[str, ...], *, every: bool) -> list[Choice]:
    """Return (code, name) pairs: the page's language, those in `first`, the site's, and with `every` all others."""
    names = language_names(page_language)
    likeliest = [as_language(page_language), *first, *(as_language(code) for code in site)]
    ordered = [code for code in dict.fromkeys(likeliest) if code in names]
    if every:
        ordered += [code for code in names if code not in ordered]
    return [*((code, names[code]) for code in ordered), ("", _("Another language"))]


def likely(page_language: str, recent: list[str]) -> str:
    """Return the default choice: the language the writer uses most, or the language of the page."""
    return recent[0] if recent else as_language(page_language)
