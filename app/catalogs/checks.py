"""Checks for translations that would break a page or an email, or mislead readers.

A faulty translation is left out of the compiled catalog, so that readers see the English text instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.catalogs.plurals import PluralRule, of_language, parse
from app.catalogs.po import Entry, Fault, PoFile
from app.lib.locales import canonical

_PLACE = re.compile(r"%(?:\((\w*)\))?([#0\- +]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?[hlL]?)([diouxXeEfFgGcrsa%])")
_HTML_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);")
_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_NUMBERS = frozenset("diouxXeEfFgGc")
_LONE = "a % that begins no placeholder (write %%)"
NUMBER = "num"  # the placeholder for which ngettext itself provides the value


def rule_of(file: PoFile, code: str) -> PluralRule:
    """Return the plural rule in the file's header, or the default rule of the language `code` if there is none.

    Raises ValueError for an invalid rule.
    """
    header = file.headers.get("plural-forms")
    return parse(header) if header else of_language(code)


def check_file(file: PoFile, code: str) -> tuple[PluralRule, dict[str, Fault]]:
    """Return the plural rule of a file, and a dict from the key of each faulty translation to its fault.

    If the plural rule in the header is invalid, a fault is added to `file.damage`, and the default rule of the language
    is returned. If the header names another language, a fault is added to `file.notes`.
    """
    try:
        rule = rule_of(file, code)
    except ValueError as error:
        file.damage.append(Fault(file.path, file.header_line("Plural-Forms"), str(error)))
        rule = of_language(code)
    _note_language(file, code)
    faults = {}
    for entry in file.living():
        odd_number = any(entry.forms) and len(entry.forms) != _forms_wanted(entry, rule)
        if entry.translated or (odd_number and not entry.fuzzy):
            reason = next(reasons(entry, rule), None)
            if reason:
                faults[entry.key] = Fault(file.path, entry.line, f"{reason}: {entry.msgid!r}")
    return rule, faults


def reasons(entry: Entry, rule: PluralRule) -> Iterator[str]:
    """Yield a description of each fault in a translation."""
    wanted = _forms_wanted(entry, rule)
    if len(entry.forms) != wanted:
        yield f"{len(entry.forms)} plural forms instead of {wanted}" if entry.plural else "plural forms for no plural"
        return
    sources = [entry.msgid] if entry.plural is None else [entry.msgid, entry.plural]
    for number, form in enumerate(entry.forms):
        may_omit_number = entry.plural is not None and number in rule.single
        for reason in _of_form(form, sources, may_omit_number=may_omit_number):
            yield f"{reason} in {form!r}"


def check_source(entry: Entry) -> Iterator[str]:
    """Yield a description of each fault in an English string."""
    sources = [entry.msgid] if entry.plural is None else [entry.msgid, entry.plural]
    for text in sources:
        for reason in _of_form(text, sources, may_omit_number=True):
            yield f"{reason} in {text!r}"


def _forms_wanted(entry: Entry, rule: PluralRule) -> int:
    return 1 if entry.plural is None else rule.count


def _of_form(form: str, sources: list[str], *, may_omit_number: bool) -> Iterator[str]:
    known = [_places(source) for source in sources]
    every, needed = set.union(*known), set.intersection(*known)
    places = _places(form)
    for place in sorted(places - every):
        named = place.startswith("%(")
        yield f"the placeholder {place} is not in the English text" if named else _LONE
    for place in sorted(needed - places):
        if not (may_omit_number and place.startswith(f"%({NUMBER})")):
            yield f"the placeholder {place} is missing"
    if places <= every:
        # Format the translation as a page would, with a sample value for each placeholder.
        try:
            form % _samples(every)
        except (ValueError, TypeError, KeyError):
            yield _LONE
    if re.search(r"[<>]", form):
        yield "< and > are not allowed: no string contains markup"
    if _HTML_ENTITY.search(form):
        yield "an HTML entity, which readers would see as it is; write the character itself"
    if _CONTROL.search(form):
        yield "a control character"
    if _LINE_BREAK.search(form) and not any(_LINE_BREAK.search(source) for source in sources):
        yield "a line break, which the English text has not"


def _places(text: str) -> set[str]:
    return {match[0] for match in _PLACE.finditer(text) if match[0] != "%%"}


def _samples(places: set[str]) -> dict[str, object]:
    found = (match for place in places if (match := _PLACE.match(place)))
    return {match[1] or "": 7 if match[3] in _NUMBERS else "seven" for match in found}


def _note_language(file: PoFile, code: str) -> None:
    said = file.headers.get("language", "")
    try:
        odd = bool(said) and canonical(said) != code
    except ValueError:
        odd = True
    if odd:
        reason = f"the header says Language: {said}; the folder says {code}, which holds"
        file.notes.append(Fault(file.path, file.header_line("Language:"), reason))
