"""A folder of files with random names. Writes are atomic (temporary file, fsync, rename).

The files have mode 0600, so that other users of the machine can't read private files.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

KINDS = frozenset({"webp", "png", "jpg", "gif", "zip", "json"})
"""The file extensions that may be stored."""
_NAME = re.compile(r"[a-z0-9]{32}\.(?:" + "|".join(sorted(KINDS)) + r")")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class NewFile:
    """A file that is being written: its future `name`, and the `stream` to write to."""

    name: str
    stream: BinaryIO


class Storage:
    """Files in the folder `root`, in subfolders named after the first two characters of the file name."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def path(self, name: str) -> Path:
        """Return the path of a file. Raises FileNotFoundError if the name is invalid."""
        if not _NAME.fullmatch(name):
            raise FileNotFoundError(name)
        return self.root / name[:2] / name

    @contextmanager
    def create(self, kind: str) -> Iterator[NewFile]:
        """Create a file with a random name, in a `with` block that writes its content.

        The file gets its name when the block ends without an error. The content is then complete and synced to disk.
        `kind` is the file extension. Raises ValueError for an unknown kind, and OSError if the file cannot be written.
        """
        if kind not in KINDS:
            raise ValueError(kind)
        name = "".join(secrets.choice(_ALPHABET) for _ in range(32)) + "." + kind
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(name + ".part")
        try:
            # os.open() creates the file with its final permissions, which Path.open() can't do.
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123
                yield NewFile(name, stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)

    def save(self, data: bytes, kind: str) -> str:
        """Store `data` in a file with a random name, and return this name. Raises ValueError for an unknown kind."""
        with self.create(kind) as file:
            file.stream.write(data)
        return file.name

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading. Raises FileNotFoundError if it doesn't exist or the name is invalid."""
        return self.path(name).open("rb")

    def delete(self, name: str) -> None:
        """Delete a file if it exists. An invalid name is ignored."""
        with suppress(FileNotFoundError):
            self.path(name).unlink()

    def names_older_than(self, seconds: float) -> list[str]:
        """Return the names of files that were written at least `seconds` ago."""
        names = []
        for path in self.root.glob("??/*"):
            with suppress(FileNotFoundError):
                if _NAME.fullmatch(path.name) and path.stat().st_mtime <= time.time() - seconds:
                    names.append(path.name)
        return names

    def delete_unfinished(self, older_than: float = 86_400.0) -> int:
        """Delete temporary files that are at least `older_than` seconds old, and return the number of deleted files.

        Such files remain if a process is killed while it writes a file.
        """
        removed = 0
        for part in self.root.glob("*/*.part"):
            with suppress(FileNotFoundError):
                if part.stat().st_mtime <= time.time() - older_than:
                    part.unlink()
                    removed += 1
        return removed


def _sync_folder(folder: Path) -> None:
    """Sync a folder to disk, so that its new file survives a power failure.

    Errors are ignored, because some systems can't sync a folder.
    """
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
