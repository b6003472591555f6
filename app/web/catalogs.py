"""The catalogs in translations/: extract, update, compile, and find what is wrong with them.

Shared by `flask translate`, `make run` and the tests. Catalogs are compiled on the machine they serve; neither .mo nor
.json files are kept in the repository.
"""

from __future__ import annotations

import gettext
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from app.config import ROOT

FOLDER = ROOT / "translations"
TEMPLATE = FOLDER / "messages.pot"
SCRIPTS = "app/static/js/"  # a message that stands there is needed in the browser
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
_PLACE = re.compile(r"%\((\w+)\)[a-z]|%[sd]")


@dataclass(frozen=True)
class Status:
    """How complete a catalog is, counted against the strings of the code as it stands."""

    locale: str
    total: int
    translated: int
    faults: tuple[str, ...]


def extract(target: Path = TEMPLATE) -> None:
    """Collect every string of the code into a template."""
    options = ["--no-wrap", "--sort-by-file", "--add-location=file", "--project=Microblog"]
    words = ["-k", "_l", "-k", "_n:1,2", "-c", "NOTE:", "--copyright-holder=Microblog contributors"]
    _pybabel("extract", "-F", str(ROOT / "babel.cfg"), *words, *options, "-o", str(target), ".")


def init(locale: str) -> Path:
    """Start a catalog for `locale` ("fr", "pt_BR"). Raises ValueError for a code nobody knows, or one that exists."""
    code = str(Locale.parse(locale))
    path = po_path(code)
    if path.exists():
        raise ValueError(f"{path.relative_to(ROOT)} exists already")
    extract()
    _pybabel("init", "--no-wrap", "-i", str(TEMPLATE), "-d", str(FOLDER), "-l", code)
    return path


def update() -> None:
    """Bring every catalog up to the strings of the code. Nothing is guessed: what changed is to be translated anew."""
    extract()
    for path in po_files():
        options = ["--no-wrap", "--no-fuzzy-matching", "--ignore-obsolete", "--ignore-pot-creation-date"]
        _pybabel("update", *options, "-i", str(TEMPLATE), "-d", str(FOLDER), "-l", path.parent.parent.name)


def compile_all(*, force: bool = False) -> list[str]:
    """Compile what is newer than its compiled form; returns the locales that were compiled.

    Raises ValueError for a catalog with a fault that would break a page, and leaves its compiled form as it was.
    """
    compiled = []
    for path in po_files():
        mo, strings = path.with_suffix(".mo"), path.with_suffix(".json")
        newest = min((f.stat().st_mtime for f in (mo, strings) if f.exists()), default=0.0)
        if not force and mo.exists() and strings.exists() and newest > path.stat().st_mtime:
            continue
        catalog = load(path)
        faults = list(_breaking_faults(catalog))
        if faults:
            raise ValueError(f"{path.relative_to(ROOT)}: {faults[0]}")
        _write(catalog, mo, strings)
        compiled.append(str(catalog.locale))
    return compiled


def check() -> list[Status]:
    """Every catalog against the strings of the code as it stands now."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "messages.pot"
        extract(fresh)
        template = load(fresh)
    return [_status(load(path), template) for path in po_files()]


def browser_strings(catalog: Catalog) -> dict[str, object]:
    """What the scripts need: `locale`, `plural` (CLDR categories in msgstr order) and `messages`."""
    messages: dict[str, object] = {}
    for message in _translated(catalog):
        if any(place.startswith(SCRIPTS) for place, _line in message.locations):
            forms = _texts(message.string)
            messages[_texts(message.id)[0]] = forms if message.pluralizable else forms[0]
    locale = str(catalog.locale).replace("_", "-")
    return {"locale": locale, "plural": _plural_categories(catalog), "messages": messages}


def po_path(locale: str) -> Path:
    """Where a locale's catalog lies."""
    return FOLDER / locale / "LC_MESSAGES" / "messages.po"


def po_files() -> list[Path]:
    """All catalogs, by locale."""
    return sorted(FOLDER.glob("*/LC_MESSAGES/messages.po"))


def load(path: Path) -> Catalog:
    """Read a .po or .pot file. Raises babel.messages.pofile.PoFileError when it cannot be read."""
    locale = path.parent.parent.name if path.suffix == ".po" else None
    with path.open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


def _pybabel(*arguments: str) -> None:
    CommandLineInterface().run(["pybabel", "-q", *arguments])  # type: ignore[no-untyped-call]  # Babel's own lack of hints


def _write(catalog: Catalog, mo: Path, strings: Path) -> None:
    with (part := mo.with_suffix(".mo.part")).open("wb") as file:
        write_mo(file, catalog)
    part.replace(mo)
    part = strings.with_suffix(".json.part")
    part.write_text(json.dumps(browser_strings(catalog), ensure_ascii=False))
    part.replace(strings)


def _plural_categories(catalog: Catalog) -> list[str]:
    """The CLDR category of each plural form. The catalog's own rule says which form a number takes."""
    rule = gettext.c2py(catalog.plural_expr)
    categories = ["other"] * catalog.num_plurals
    locale = catalog.locale or Locale("en")
    for number in range(1000, -1, -1):
        categories[rule(number)] = str(locale.plural_form(number))
    return categories


def _translated(catalog: Catalog) -> Iterator[Message]:
    for message in catalog:
        if message.id and not message.fuzzy and all(_texts(message.string)):
            yield message


def _texts(text: str | Iterable[str] | None) -> list[str]:
    """The forms of a message, one for a message without a number."""
    return [text or ""] if text is None or isinstance(text, str) else list(text)


def _status(catalog: Catalog, template: Catalog) -> Status:
    wanted = {_key(message) for message in template if message.id}
    done = {_key(message) for message in _translated(catalog)}
    present = {_key(message) for message in catalog if message.id}
    faults = [f"not in the catalog (run flask translate update): {key[0]!r}" for key in sorted(wanted - present)]
    faults += [f"no longer in the code: {key[0]!r}" for key in sorted(present - wanted)]
    faults += [f"not translated: {key[0]!r}" for key in sorted((wanted & present) - done)]
    faults += list(_breaking_faults(catalog))
    return Status(str(catalog.locale), len(wanted), len(wanted & done), tuple(faults))


def _key(message: Message) -> tuple[str, str]:
    return _texts(message.id)[0], str(message.context or "")


def _breaking_faults(catalog: Catalog) -> Iterator[str]:
    """What would break a page or deceive its reader: placeholders, tags and the number of plural forms."""
    for message in _translated(catalog):
        sources, forms = _texts(message.id), _texts(message.string)
        if message.pluralizable and len(forms) != catalog.num_plurals:
            yield f"{len(forms)} plural forms instead of {catalog.num_plurals}: {sources[0]!r}"
        known = {place for source in sources for place in _PLACE.findall(source)}
        tags = {frozenset(_TAG.findall(source)) for source in sources}
        for form in forms:
            used = set(_PLACE.findall(form))
            # One plural form may leave the number out ("one message"); nothing else may go missing.
            if used - known or (known - used and not message.pluralizable):
                yield f"placeholders differ: {sources[0]!r} -> {form!r}"
            if frozenset(_TAG.findall(form)) not in tags:
                yield f"HTML tags differ: {sources[0]!r} -> {form!r}"
            if re.search(r"%(?!\(\w+\)[a-z]|%|[sd])", form) and known:
                yield f"a stray % sign: {form!r}"
