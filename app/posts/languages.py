"""The languages that the composer offers for a post, most likely first."""

from __future__ import annotations

from collections import Counter

from app.core.i18n import _
from app.lib.text.languages import as_language, language_names

Choice = tuple[str, str]


def by_use(recent: str | None) -> list[str]:
    """Return the language codes in the comma-separated list `recent`, most frequent first.

    The list contains the languages of a user's latest posts, such as "es,,en,es" (`recent_languages` in
    app/queries/timelines.py). Empty items stand for posts without a language.
    """
    return [code for code, _times in Counter(filter(None, (recent or "").split(","))).most_common()]


def choices(page_language: str, first: list[str], site: tuple[str, ...], *, every: bool) -> list[Choice]:
    """Return the options of a language field as (code, name) pairs, with names in `page_language`.

    The options are, in this order: the page's language, the languages in `first`, the languages in `site`, all other
    languages (only if `every` is true), and ("", "Another language").
    """
    names = language_names(page_language)
    likeliest = [as_language(page_language), *first, *(as_language(code) for code in site)]
    ordered = [code for code in dict.fromkeys(likeliest) if code in names]
    if every:
        ordered += [code for code in names if code not in ordered]
    # NOTE: Last choice of a short list: opens the complete list of languages.
    return [*((code, names[code]) for code in ordered), ("", _("Another language"))]


def likely(page_language: str, recent: list[str]) -> str:
    """Return the default language of a new post: the first of `recent`, or else the language of the page."""
    return recent[0] if recent else as_language(page_language)
