"""Language codes and tags: parse them, name them, and choose the best language for a reader.

A *code* names a language in this app and in `translations/` ("pt_BR", "zh_Hant_TW"). A *tag* is the BCP 47 name that
browsers use ("pt-BR"). The data about likely scripts, deprecated codes and parent locales comes from the Unicode CLDR,
as part of the package Babel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from babel import Locale, UnknownLocaleError
from babel.core import get_global

_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")
_CHINESE = frozenset({"cmn", "yue", "nan", "hak", "wuu", "gan", "hsn"})  # extended language subtags, as in "zh-yue"
_SCRIPT = re.compile(r"[a-z]{4}\Z")
_REGION = re.compile(r"(?:[a-z]{2}|[0-9]{3})\Z")
_MAX_LENGTH = 100  # longer tags are rejected
_POSIX_SCRIPTS = {"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva", "arabic": "Arab"}
# For each language, other languages that its readers understand, best first. The script must be the same.
_READABLE = {
    "nb": ("no", "nn"),
    "no": ("nb", "nn"),
    "nn": ("nb", "no"),
    "bs": ("hr", "sr"),
    "hr": ("bs", "sr"),
    "sr": ("hr", "bs"),
    **dict.fromkeys(("yue", "nan", "hak", "wuu", "gan", "hsn"), ("zh",)),
    "gsw": ("de",),
    "lb": ("de",),
}


class Parts(NamedTuple):
    """The language, script and region of a code or tag. A missing script or region is ""."""

    language: str
    script: str = ""
    region: str = ""

    def __str__(self) -> str:
        return "_".join(part for part in self if part)


@lru_cache(maxsize=1024)
def parse(tag: str) -> Parts | None:
    """Parse a BCP 47 tag, a code or a POSIX locale name ("sr@latin", "de_AT.UTF-8"). Return None if it is invalid.

    Deprecated names are replaced by current ones ("iw" by "he", "sh" by "sr_Latn"). Variants and extensions are
    ignored.
    """
    if len(tag) > _MAX_LENGTH:
        return None
    name, _at, modifier = tag.partition("@")
    language, *rest = re.split(r"[-_]", name.partition(".")[0].lower())
    if not _LANGUAGE.match(language):
        return None
    language, rest = _without_extended(language, rest)
    script = region = ""
    for part in rest:
        if not (part.isascii() and part.isalnum()):
            return None
        if not script and not region and _SCRIPT.match(part):
            script = part.title()
        elif not region and _REGION.match(part):
            region = part.upper()
        else:
            break  # a variant, an extension or private use
    script = script or _POSIX_SCRIPTS.get(modifier.lower(), "")
    alias = str(get_global("language_aliases").get(language, language)).split("_")
    language = alias[0]
    for part in alias[1:]:
        if len(part) == 4:
            script = script or part
        else:
            region = region or part
    replaced = get_global("territory_aliases").get(region)
    return Parts(language, script, replaced[0] if replaced else region)


def _without_extended(language: str, rest: list[str]) -> tuple[str, list[str]]:
    """Replace "zh" before an extended language subtag by this subtag. For example, "zh-yue" becomes "yue".

    `rest` are the subtags after `language`. Return the new language and the remaining subtags.
    """
    found = [part for part in rest[:2] if part in _CHINESE] if language == "zh" else []
    return (found[-1], rest[rest.index(found[-1]) + 1 :]) if found else (language, rest)


def canonical(code: str) -> str:
    """Return `code` in the spelling that this app uses: "pt_BR" for "pt-BR", "zh_Hant_TW" for "zh-TW".

    Raises ValueError if `code` is invalid or the CLDR doesn't know the language.
    """
    parts = parse(code.strip())
    if parts is None:
        raise ValueError(f"{code!r} is not a language code such as fr, pt_BR or zh_Hant")
    try:
        return str(Locale.parse(str(parts)))
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"{code!r} is not a language that the Unicode CLDR knows") from None


def tag(code: str) -> str:
    """Return the BCP 47 tag of a code: "sr-Latn" for "sr@latin"."""
    return str(parse(code) or code).replace("_", "-")


@lru_cache(maxsize=1024)
def _likely(parts: Parts) -> Parts:
    """Return `parts` with a missing script or region replaced by the most likely one (UTS 35, "Likely Subtags")."""
    likely = get_global("likely_subtags")
    language, script, region = parts
    for known in (parts, Parts(language, "", region), Parts(language, script), Parts(language)):
        found = likely.get(str(known))
        if found:
            full = parse(found) or Parts(language)
            return Parts(language, script or full.script, region or full.region)
    return parts


@lru_cache(maxsize=1024)
def _parents(parts: Parts) -> tuple[str, ...]:
    """Return the region of `parts`, followed by the regions of its parent locales in the CLDR.

    For es_MX, these are MX and 419 (Latin America).
    """
    parents = get_global("parent_exceptions")
    regions: list[str] = []
    step: Parts | None = parts
    while step and step.region and step.region not in regions:
        regions.append(step.region)
        step = parse(parents.get(str(step)) or parents.get(str(_likely(step))) or "")
    return tuple(regions)


def _distance(wanted: Parts, offered: Parts) -> float:
    """Return a number that says how well the region of `offered` suits a reader of `wanted`. Smaller is better.

    `wanted` and `offered` must have the same language and script. These are the regions from best to worst:

    - the wanted region
    - the regions of the parent locales of `wanted`, each followed by other regions with the same parent
    - no region
    - the most likely region of the language
    - any other region
    """
    order = [*_parents(wanted), "", _likely(Parts(wanted.language, _likely(wanted).script)).region]
    if offered.region in order:
        return order.index(offered.region)
    shared = [order.index(region) for region in _parents(offered) if region in order]
    return min(shared, default=len(order)) + 0.5  # es_AR is near es_MX, because both have the parent es_419


def _best(wanted: Parts, offered: Iterable[tuple[str, Parts]]) -> str | None:
    script = _likely(wanted).script
    for language in (wanted.language, *_READABLE.get(wanted.language, ())):
        same = [one for one in offered if one[1].language == language and _likely(one[1]).script == script]
        if same:
            reader = wanted._replace(language=language)
            return min(same, key=lambda one: (_distance(reader, one[1]), one[1].script != wanted.script))[0]
    return None


def best_language(wanted: Iterable[str], offered: Iterable[str]) -> str | None:
    """Return the code in `offered` that suits a reader best, or None if none is suitable.

    `wanted` are the reader's language tags, best first. A code is suitable for a tag if the reader understands its
    language and its script: zh_Hans does not suit zh-Hant-TW. The first tag for which there is a suitable code decides.
    If several codes are suitable, the one with the nearest region is returned.
    """
    choices = [(code, parts) for code in offered if (parts := parse(code))]
    for one in wanted:
        parts = parse(one)
        found = _best(parts, choices) if parts else None
        if found:
            return found
    return None


@cache
def language_name(code: str) -> str:
    """Return the name of a language in this language itself ("Español"), or the code if the CLDR has no name."""
    try:
        name = Locale.parse(code).get_display_name() or code
    except (ValueError, UnknownLocaleError):
        return code
    return name[0].upper() + name[1:]


@cache
def direction(code: str) -> str:
    """Return the writing direction of a language: "rtl" or "ltr". It is "ltr" for an unknown language."""
    try:
        return str(Locale.parse(code).text_direction)
    except (ValueError, UnknownLocaleError):
        return "ltr"
