"""The languages a writer is offered, likeliest first."""

from __future__ import annotations

from collections import Counter

from app.core.i18n import _
from app.lib.text.languages import as_language, language_names

Choice = tuple[str, str]


def by_use(recent: str | None) -> list[str]:
    """The languages in a text such as "es,,en,es" (queries/timelines.py), the most used first."""
    return [code for code, _times in Counter(filter(None, (recent or "").split(","))).most_common()]


def choices(page_language: str, recent: list[str], site: tuple[str, ...]) -> list[Choice]:
    """(code, name) to choose from: the language of the page, those one writes in, the site's, and then all others."""
    names = language_names(page_language)
    first = [as_language(page_language), *recent, *(as_language(code) for code in site)]
    ordered = [code for code in dict.fromkeys(first) if code in names]
    ordered += [code for code in names if code not in ordered]
    return [*((code, names[code]) for code in ordered), ("", _("Another language"))]


def likely(page_language: str, recent: list[str]) -> str:
    """What is chosen until the writer chooses: what they mostly write in, or the language of the page."""
    return recent[0] if recent else as_language(page_language)
