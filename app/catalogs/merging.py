"""Synchronise a catalog with the strings of the code, without losing translations."""

from __future__ import annotations

from dataclasses import replace
from difflib import SequenceMatcher

from app.catalogs.po import Entry, PoFile
from app.catalogs.po_writing import quote

_ALIKE = 0.6  # strings that are at least this similar count as wordings of the same text, as in msgmerge


def merge(file: PoFile, template: PoFile) -> PoFile:
    """Return the catalog `file`, updated to contain the strings of `template` in the template's order.

    If the English text of a string changed, its translation is kept and marked as fuzzy. Readers see English until a
    translator has reviewed it. The old English text is kept as a comment (`#|`).

    If a string is not in the template, its entry becomes obsolete (`#~`). If the string returns to the code later, the
    translation is used again.
    """
    wanted = {entry.key for entry in template.entries}
    living = {entry.key: entry for entry in file.entries if not entry.obsolete}
    obsolete = {entry.key: entry for entry in file.entries if entry.obsolete}
    known = obsolete | living
    gone = [entry for key, entry in known.items() if key not in wanted and any(entry.forms)]
    renamed = _new_wordings([entry for entry in template.entries if entry.key not in known], gone)
    merged = []
    for entry in template.entries:
        old = known.get(entry.key) or renamed.get(entry.key)
        merged.append(_carry(old, entry) if old else entry)
    taken = {id(entry) for entry in renamed.values()}
    left = [entry for entry in gone if id(entry) not in taken]
    merged += [replace(entry, obsolete=True, locations=[], extracted=[]) for entry in left]
    return replace(file, entries=merged)


def _carry(old: Entry, new: Entry) -> Entry:
    """Return the template's entry `new`, with the translation and the translators' comments of the entry `old`."""
    flags = [*new.flags, *(flag for flag in old.flags if flag != "python-format")]
    changed = (old.msgid, old.plural) != (new.msgid, new.plural) and any(old.forms)
    forms, previous = old.forms, old.previous
    if (old.plural is None) != (new.plural is None):
        forms = old.forms[-1:]  # the only form, or the last plural form
    if changed:
        previous = old.previous if old.fuzzy and old.previous else _previous(old)
        flags.append("fuzzy")
    return replace(new, forms=list(forms), comments=old.comments, flags=flags, previous=previous)


def _previous(entry: Entry) -> list[str]:
    lines = [] if entry.context is None else [f"msgctxt {quote(entry.context)}"]
    lines.append(f"msgid {quote(entry.msgid)}")
    if entry.plural is not None:
        lines.append(f"msgid_plural {quote(entry.plural)}")
    return [piece for line in lines for piece in line.split("\n")]


def _new_wordings(new: list[Entry], gone: list[Entry]) -> dict[str, Entry]:
    """Return, for each new string, the similar removed string that probably is its old wording.

    The result is a dict from the key of the new string to the removed entry. Strings without a similar one are left
    out.
    """
    pairs = []
    matcher = SequenceMatcher(autojunk=False)
    for one in new:
        matcher.set_seq2(one.msgid)
        for other in gone:
            matcher.set_seq1(other.msgid)
            if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE:
                ratio = matcher.ratio()
                if ratio >= _ALIKE:
                    pairs.append((ratio, one, other))
    found: dict[str, Entry] = {}
    taken: set[int] = set()
    for _ratio, one, other in sorted(pairs, key=lambda pair: -pair[0]):
        if one.key not in found and id(other) not in taken:
            found[one.key] = other
            taken.add(id(other))
    return found
