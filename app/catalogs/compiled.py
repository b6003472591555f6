"""A compiled catalog: the translations that may be shown, in memory and as JSON on disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

from app.catalogs import checks, po
from app.catalogs.plurals import PluralRule, parse
from app.catalogs.po import Fault, PoFile
from app.lib.locales import tag

FORMAT = 1  # increase this when the compiler or the checks change, so that compiled catalogs are rebuilt
SCRIPTS = "app/static/js/"  # strings that are used in this folder are sent to the browser


@dataclass(frozen=True)
class Compiled:
    """A catalog without fuzzy, empty and faulty translations."""

    code: str
    source: str  # digest of the .po file
    rule: PluralRule
    total: int  # the number of strings in the .po file
    messages: dict[str, str | list[str]]  # translations by key; a list for a string with plural forms
    in_scripts: list[str]  # the keys of the strings that are used in SCRIPTS
    faults: list[Fault] = field(default_factory=list)  # why translations were left out, and harmless problems

    @property
    def percent(self) -> int:
        """The percentage of strings that are translated, rounded down."""
        return 100 * len(self.messages) // max(1, self.total)

    def find(self, key: str, number: int | None = None) -> str | None:
        """Return the translation for a key, or None. If there are plural forms, return the form for `number`."""
        found = self.messages.get(key)
        if isinstance(found, list):
            return found[self.rule.index(1 if number is None else number)]
        return found if number is None else None

    @cached_property
    def browser_strings(self) -> dict[str, object]:
        """Data for JavaScript: `locale` (a BCP 47 tag), `plural` (a C expression in n) and `messages` (by key)."""
        messages = {key: self.messages[key] for key in self.in_scripts}
        return {"locale": tag(self.code), "plural": self.rule.expression, "messages": messages}

    @cached_property
    def browser_document(self) -> tuple[str, str]:
        """`browser_strings` as a JSON text, and the version of this text. The version is a digest."""
        text = json.dumps(self.browser_strings, ensure_ascii=False)
        return text, hashlib.sha256(text.encode()).hexdigest()[:12]

    def dump(self) -> str:
        """Return the catalog as JSON."""
        return json.dumps(
            {
                "format": FORMAT,
                "code": self.code,
                "source": self.source,
                "plural_forms": f"nplurals={self.rule.count}; plural={self.rule.expression};",
                "total": self.total,
                "messages": self.messages,
                "in_scripts": self.in_scripts,
                "faults": [[fault.path, fault.line, fault.reason] for fault in self.faults],
            },
            ensure_ascii=False,
        )


def digest(data: bytes) -> str:
    """Return a digest that identifies the content of a .po file."""
    return hashlib.sha256(data).hexdigest()


def load(text: str, code: str) -> Compiled:
    """Load a catalog from JSON. Raises ValueError if the JSON is damaged, or has another format version or language."""
    try:
        found = json.loads(text)
        if (found["format"], found["code"]) != (FORMAT, code):
            raise ValueError("another format or language")
        rule = parse(found["plural_forms"])
        for form in found["messages"].values():
            if not (isinstance(form, str) or (isinstance(form, list) and len(form) == rule.count)):
                raise ValueError("a message is no text")
        return Compiled(
            code,
            str(found["source"]),
            rule,
            int(found["total"]),
            dict(found["messages"]),
            [str(key) for key in found["in_scripts"] if key in found["messages"]],
            [Fault(str(path), int(line), str(reason)) for path, line, reason in found["faults"]],
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"damaged: {error!r}") from error


def compile_po(data: bytes, name: str, code: str) -> tuple[Compiled | None, list[Fault]]:
    """Compile the content of a .po file. Return the catalog and an empty list.

    If the file can't be read completely, return None and a list of the faults.
    """
    file = po.parse(data, name)
    rule, faulty = checks.check_file(file, code)
    if not file.damage and not file.header.forms and not file.entries:
        file.damage.append(Fault(name, 1, "the file is empty"))
    if file.damage:
        return None, sorted([*file.damage, *file.duplicates], key=lambda fault: fault.line)
    return _compile(file, code, rule, faulty, digest(data)), []


def _compile(file: PoFile, code: str, rule: PluralRule, faulty: dict[str, Fault], source: str) -> Compiled:
    good = [entry for entry in file.entries if entry.translated and entry.key not in faulty]
    messages = {entry.key: entry.forms[0] if entry.plural is None else entry.forms for entry in good}
    in_scripts = [entry.key for entry in good if any(place.startswith(SCRIPTS) for place in entry.locations)]
    faults = sorted([*faulty.values(), *file.duplicates, *file.notes], key=lambda fault: fault.line)
    return Compiled(code, source, rule, len(file.living()), messages, in_scripts, faults)
