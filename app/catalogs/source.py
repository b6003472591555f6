"""Tools for translators: extract the strings of the code; create, update and check catalogs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from babel import Locale
from babel.messages.frontend import CommandLineInterface

from app.catalogs import checks, loading, plurals, po, po_writing
from app.catalogs.merging import merge
from app.catalogs.po import Entry, Fault, PoFile
from app.config import ROOT
from app.lib.locales import canonical

SOURCE = "en"
_UPDATE = "run flask translate update"
LISTED = 20  # how many faults of a kind are listed for each language; syntax errors are all listed


@dataclass(frozen=True)
class Status:
    """The state of a catalog, compared with the strings of the code: how complete it is, and its faults."""

    code: str
    total: int
    translated: int
    faults: tuple[str, ...]


def extract() -> PoFile:
    """Extract the translatable strings of the code, and return them as a template: a PoFile without translations."""
    ours = ["_l", "_n:1,2", "_ln:1,2", "_p:1c,2", "_lp:1c,2"]  # functions that Babel doesn't know by default
    words = [part for name in ours for part in ("-k", name)]
    words += ["-c", "NOTE:", "--no-wrap", "--sort-by-file", "--add-location=file"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "messages.pot"
        command = ["pybabel", "-q", "extract", "-F", str(ROOT / "babel.cfg"), *words, "-o", str(path), str(ROOT)]
        CommandLineInterface().run(command)  # type: ignore[no-untyped-call]  # Babel has no type hints
        template = po.read(path, path.name)
    for entry in template.entries:
        entry.locations = [_from_root(place) for place in entry.locations]
        entry.forms = []
    return template


def init(code: str, folder: Path) -> Path:
    """Create a catalog for a language, such as "fr", "pt-BR" or "zh_TW", and return its path.

    Raises ValueError if the code is invalid, if the language is English, or if the catalog already exists.
    """
    code = canonical(code)
    files, _faults = loading.po_files(folder)
    if code == SOURCE:
        raise ValueError("English is the language of the code and needs no catalog")
    path = files.get(code) or folder / code / "LC_MESSAGES" / "messages.po"
    if path.exists():
        raise ValueError(f"{loading.shown(path, folder)} exists already")
    path.parent.mkdir(parents=True, exist_ok=True)
    rule = plurals.of_language(code)
    po_writing.write(path, replace(extract(), header=_new_header(code, rule)), rule.count)
    return path


def update(folder: Path, template: PoFile) -> list[Fault]:
    """Synchronise every catalog with `template`, the strings that `extract` found in the code.

    Skip files that cannot be read completely, and return the problems found in them.
    """
    files, left = loading.po_files(folder)
    for code, path in files.items():
        file = po.read(path, loading.shown(path, folder))
        rule, _faulty = checks.check_file(file, code)
        unread = sorted(file.damage + file.duplicates, key=lambda fault: fault.line)
        if unread:
            left += unread
            continue
        if not file.header.forms:
            file.header = _new_header(code, rule)
        text = re.sub(r"charset=(?!utf-8\b)[^\s;]*", "charset=utf-8", file.header.forms[0], flags=re.IGNORECASE)
        file.header.forms = [text]
        po_writing.write(path, merge(file, template), rule.count)
    return left


def check(folder: Path, template: PoFile) -> list[Status]:
    """Compare every catalog with `template`, the strings that `extract` found in the code.

    Return a status for each catalog, and a status for English, which lists the faults of the code's own strings.
    """
    files, faults = loading.po_files(folder)
    statuses = [_status(code, path, template, folder) for code, path in files.items()]
    of_source = [
        f"{entry.locations[0] if entry.locations else 'the code'}: {reason}"
        for entry in template.entries
        for reason in checks.check_source(entry)
    ]
    rest = tuple(of_source + [str(fault) for fault in faults])
    return [*statuses, Status(SOURCE, len(template.entries), len(template.entries), rest)]


def _status(code: str, path: Path, template: PoFile, folder: Path) -> Status:
    file = po.read(path, loading.shown(path, folder))
    _rule, faulty = checks.check_file(file, code)
    certain = sorted([*file.damage, *file.duplicates, *file.notes, *faulty.values()], key=lambda fault: fault.line)
    wanted = {entry.key: entry for entry in template.entries}
    present = {entry.key: entry for entry in file.living()}
    done = {key for key, entry in present.items() if entry.translated and key not in faulty and key in wanted}
    faults = [str(fault) for fault in certain]
    if not file.damage:
        faults += _listed(file, f"not in the catalog ({_UPDATE})", wanted, lambda e: e.key not in present)
        faults += _listed(file, "no longer in the code", present, lambda e: e.key not in wanted)
        faults += _listed(
            file,
            f"another plural than in the code ({_UPDATE})",
            present,
            lambda e: e.key in wanted and e.plural != wanted[e.key].plural,
        )
        faults += _listed(
            file, "not translated", present, lambda e: e.key in wanted and e.key not in done and e.key not in faulty
        )
    return Status(code, len(wanted), 0 if file.damage else len(done), tuple(faults))


def _listed(file: PoFile, kind: str, entries: Mapping[str, Entry], chosen: Callable[[Entry], bool]) -> Iterator[str]:
    found = [entry for entry in entries.values() if chosen(entry)]
    lines = {entry.key: entry.line for entry in file.entries}
    for entry in found[:LISTED]:
        yield f"{file.path}:{lines.get(entry.key, 1)}: {kind}: {entry.msgid!r}"
    if len(found) > LISTED:
        yield f"{file.path}: {kind}: {len(found) - LISTED} more"


def _from_root(place: str) -> str:
    path = Path(place)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else place


def _new_header(code: str, rule: plurals.PluralRule) -> Entry:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M}+0000"
    name = Locale.parse(code).get_display_name("en") or code
    lines = [
        "Project-Id-Version: Microblog",
        "Report-Msgid-Bugs-To: ",
        f"POT-Creation-Date: {now}",
        f"PO-Revision-Date: {now}",
        "Last-Translator: Microblog contributors",
        f"Language: {code}",
        f"Language-Team: {name}",
        f"Plural-Forms: nplurals={rule.count}; plural={rule.expression};",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    comments = [
        f"{name} translations for Microblog.",
        f"Copyright (C) {datetime.now(UTC).year} Microblog contributors",
        "This file is distributed under the same license as the Microblog project.",
        "",
    ]
    return Entry("", forms=["".join(f"{line}\n" for line in lines)], comments=comments)
