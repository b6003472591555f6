"""A folder of files with random names. Whole or absent: nobody ever reads half a file.

The files are for their owner alone: an export holds all that a person wrote.
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
"""What may be stored; the kind is the file name's ending."""
_NAME = re.compile(r"[a-z0-9]{32}\.(?:" + "|".join(sorted(KINDS)) + r")")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class NewFile:
    """A file being written: its future `name`, and the `stream` to write to."""

    name: str
    stream: BinaryIO


class Storage:
    """Files under `root`, in subfolders by the first two letters of the name."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def path(self, name: str) -> Path:
        """Where the file of this name is. Raises FileNotFoundError when no file could have such a
        name.
        """
        if not _NAME.fullmatch(name):
            raise FileNotFoundError(name)
        return self.root / name[:2] / name

    @contextmanager
    def create(self, kind: str) -> Iterator[NewFile]:
        """Write a new file bit by bit: it appears, complete and on disk, when the block ends
        without error.

        Raises ValueError for an unknown kind, OSError when the disk will not have it.
        """
        if kind not in KINDS:
            raise ValueError(kind)
        name = "".join(secrets.choice(_ALPHABET) for _ in range(32)) + "." + kind
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(name + ".part")
        try:
            # os.open: the file must never exist with another mode, and Path.open() takes none.
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
        """Store `data` and answer its random name. Raises ValueError for an unknown kind."""
        with self.create(kind) as file:
            file.stream.write(data)
        return file.name

    def open(self, name: str) -> BinaryIO:
        """The file of this name, for reading. Raises FileNotFoundError, also for an impossible
        name.
        """
        return self.path(name).open("rb")

    def delete(self, name: str) -> None:
        """Remove the file of this name; nothing happens when there is none, or could be none."""
        with suppress(FileNotFoundError):
            self.path(name).unlink()

    def names_older_than(self, seconds: float) -> list[str]:
        """The files that were written that long ago or longer."""
        names = []
        for path in self.root.glob("??/*"):
            with suppress(FileNotFoundError):
                if _NAME.fullmatch(path.name) and path.stat().st_mtime <= time.time() - seconds:
                    names.append(path.name)
        return names

    def delete_unfinished(self, older_than: float = 86_400.0) -> int:
        """Remove what writers that were killed left behind, `older_than` seconds ago or more.
        Answers how many.
        """
        removed = 0
        for part in self.root.glob("*/*.part"):
            with suppress(FileNotFoundError):
                if part.stat().st_mtime <= time.time() - older_than:
                    part.unlink()
                    removed += 1
        return removed


def _sync_folder(folder: Path) -> None:
    """Make the new entry itself survive a power cut; not every system lets one open a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
