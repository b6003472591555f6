"""A cache of compiled templates in DATA_DIR/templates. All processes share it, and it outlives restarts.

Compiling all templates takes about a second of CPU time. Without the cache, each process would compile the templates of
the pages that it shows, so each page would be slow once per process.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

CODE = Path(__file__).parents[1]  # the `app` package


def init_app(app: Flask) -> None:
    """Make Jinja keep compiled templates in DATA_DIR/templates."""
    app.jinja_env.bytecode_cache = TemplateCache(app.config["DATA_DIR"] / "templates", code_version(CODE))


def code_version(folder: Path) -> str:
    """Return a string that changes when a Python file in `folder` is changed, added or removed."""
    files = sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*.py"))
    return sha256(repr(files).encode()).hexdigest()


class TemplateCache(FileSystemBytecodeCache):
    """Jinja's cache in a folder. If the folder can't be read or written, templates are compiled as without a cache.

    A file is only used for the same source of the template and the same `version` of the code: when Jinja compiles a
    template, it already applies filters to constants.
    """

    def __init__(self, folder: Path, version: str) -> None:
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(str(folder))
        self._version = version

    def get_source_checksum(self, source: str) -> str:
        """Return the checksum that a file in the cache must have to be used for `source`."""
        return super().get_source_checksum(self._version + source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill `bucket` from its file. A missing or damaged file leaves it empty."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # a damaged pickle can raise any exception
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write `bucket` to its file, if the disk allows it."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
