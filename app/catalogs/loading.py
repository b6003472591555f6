"""The catalogs of a process: loaded from compiled files, or compiled at startup.

Every process that renders pages or emails calls `load_all` at startup. Compiling takes about 60 ms for a language with
800 strings. Compiled catalogs are stored in DATA_DIR/catalogs, with the digest of their .po file. They are written to a
temporary file, which is then renamed, so several processes can compile the same catalog at once. If DATA_DIR is not
writable, the compiled catalog is only in memory.

If a .po file can't be read, the stored catalog of an earlier version of this file is used.
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
    """All usable catalogs by language code, and the problems found in the .po files."""

    by_code: dict[str, Compiled] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    last_good: frozenset[str] = frozenset()  # codes of languages whose .po file could not be read
    unusable: frozenset[str] = frozenset()  # the codes in `last_good` without a stored catalog to use instead
    logged_faults: set[tuple[str, str]] = field(
        default_factory=set
    )  # (code, key) of broken translations that were logged

    def offered(self, at_least: int) -> tuple[str, ...]:
        """Return the codes of the catalogs that are translated to at least `at_least` percent."""
        return tuple(sorted(code for code, one in self.by_code.items() if one.percent >= at_least))

    def summaries(self) -> Iterator[str]:
        """Yield a line for each file with faults: its first fault, and the number of others."""
        for path in dict.fromkeys(fault.path for fault in self.faults):
            of_file = [fault for fault in self.faults if fault.path == path]
            more = f" (and {len(of_file) - 1} more: flask translate check)" if len(of_file) > 1 else ""
            yield f"{of_file[0]}{more}"


def po_files(folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """Return the .po files in `folder` by language code, and faults for folders with invalid or duplicate names."""
    found: dict[str, Path] = {}
    faults = []
    # Folders with canonical names come first, so that they are used if two folders have the same language.
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
    """Return the name of the file `path` for use in a `Fault`: its path relative to the project root."""
    return str(path.relative_to(folder.parent))


def load_all(folder: Path, kept: Path) -> Catalogs:
    """Load every catalog in `folder`. `kept` is the folder of compiled catalogs.

    A file that is invalid or can't be read raises no exception. Its problems are in the `faults` of the result.
    """
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
    except (OSError, ValueError):  # the file is missing or damaged, which is harmless: it is only a cache
        return None


def _keep(one: Compiled, kept: Path) -> None:
    """Store a compiled catalog in a file, so that later processes need not compile it. Errors are ignored."""
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
