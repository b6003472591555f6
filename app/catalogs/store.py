"""The catalogs of a process: found compiled, or compiled on the spot.

Every process that serves or mails calls `load_all` at its start, so none depends on another one having run. Compiling
takes about 60 ms for a language of 800 strings, and what was compiled is kept in DATA_DIR/catalogs under the digest of
its .po file. Processes that start at once may compile the same file: each writes a file of its own and renames it, so
a reader finds the old one or the new one, whole. Where DATA_DIR cannot be written to, the catalog is kept in memory.

A .po file that cannot be read is served as it was when it last could: the kept file is the last good one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

from app.catalogs import compiled
from app.catalogs.compiled import Compiled
from app.catalogs.po import Fault
from app.lib.locales import canonical


@dataclass(frozen=True)
class Catalogs:
    """All catalogs that can be served, by code, and what is wrong with those in the folder."""

    by_code: dict[str, Compiled] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    last_good: frozenset[str] = frozenset()  # codes whose .po file could not be read
    unusable: frozenset[str] = frozenset()  # such codes without a compiled catalog of before
    told: set[tuple[str, str]] = field(default_factory=set)  # (code, key) of translations that were logged as broken

    def offered(self, at_least: int) -> tuple[str, ...]:
        """Return the codes of the catalogs that are translated to `at_least` percent."""
        return tuple(sorted(code for code, one in self.by_code.items() if one.percent >= at_least))

    def summaries(self) -> Iterator[str]:
        """Yield one line for each file with faults: the first of them, and how many more there are."""
        for path in dict.fromkeys(fault.path for fault in self.faults):
            of_file = [fault for fault in self.faults if fault.path == path]
            more = f" (and {len(of_file) - 1} more: flask translate check)" if len(of_file) > 1 else ""
            yield f"{of_file[0]}{more}"


def po_files(folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """Return the .po files in `folder` by canonical code, and the folders that name no language or name one again."""
    found: dict[str, Path] = {}
    faults = []
    # The canonical spelling of a name first, so that of two folders for one language it is the one.
    for path in sorted(folder.glob("*/LC_MESSAGES/messages.po"), key=lambda path: (_is_odd(path), path)):
        try:
            code = canonical(name := _folder_of(path))
        except ValueError as error:
            faults.append(Fault(shown(path, folder), 1, f"the folder's name is no language: {error}"))
            continue
        if code in found:
            faults.append(Fault(shown(path, folder), 1, f"{name} and {_folder_of(found[code])} are one language"))
        else:
            found[code] = path
    return dict(sorted(found.items())), faults


def shown(path: Path, folder: Path) -> str:
    """Return how a file is called in a fault: from the root of the project."""
    return str(path.relative_to(folder.parent))


def load_all(folder: Path, kept: Path) -> Catalogs:
    """Load every catalog in `folder`; `kept` is where compiled ones are kept. Never raises for what a file holds."""
    files, faults = po_files(folder)
    by_code: dict[str, Compiled] = {}
    unreadable = set()
    for code, path in files.items():
        try:
            data = path.read_bytes()
        except OSError as error:
            found, new = None, [Fault(shown(path, folder), 1, f"the file cannot be read: {error.strerror}")]
        else:
            found, new = _compiled(data, shown(path, folder), code, kept)
        if found is None:
            unreadable.add(code)
            found = _kept(code, kept)
        else:
            new = found.faults
        faults += new
        if found:
            by_code[code] = found
    return Catalogs(by_code, faults, frozenset(unreadable), frozenset(unreadable - set(by_code)))


def _compiled(data: bytes, name: str, code: str, kept: Path) -> tuple[Compiled | None, list[Fault]]:
    found = _kept(code, kept)
    if found and found.source == compiled.digest(data):
        return found, []
    made, faults = compiled.compile_po(data, name, code)
    if made:
        _keep(made, kept)
    return made, faults


def _kept(code: str, kept: Path) -> Compiled | None:
    try:
        return compiled.load((kept / f"{code}.json").read_text(encoding="utf-8"), code)
    except (OSError, ValueError):  # not there, or damaged: it is only kept to save time
        return None


def _keep(one: Compiled, kept: Path) -> None:
    """Keep a compiled catalog for the next process, if that is possible."""
    with suppress(OSError):
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", dir=kept, prefix=f"{one.code}.", delete=False) as part:
            try:
                part.write(one.dump())
                part.close()
                os.replace(part.name, kept / f"{one.code}.json")  # noqa: PTH105 - a name, not a Path
            except OSError:
                Path(part.name).unlink(missing_ok=True)
                raise


def _folder_of(path: Path) -> str:
    return path.parent.parent.name


def _is_odd(path: Path) -> bool:
    try:
        return canonical(_folder_of(path)) != _folder_of(path)
    except ValueError:
        return True
