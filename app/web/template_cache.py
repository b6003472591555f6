"""A cache of compiled templates in DATA_DIR/templates. All processes share it, and it outlives restarts.

Compiling all templates takes about a second of CPU time. Without the cache, each process would compile the templates of
the pages that it shows, so each page would be slow once per process.
"""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

CODE = Path(__file__).parents[1]  # the `app` package
SIGNATURE_LENGTH = 32  # bytes


def init_app(app: Flask) -> None:
    """Make Jinja keep compiled templates in DATA_DIR/templates."""
    cache = TemplateCache(app.config["DATA_DIR"] / "templates", app.config["SECRET_KEY"], code_version(CODE))
    app.jinja_env.bytecode_cache = cache


def code_version(folder: Path) -> str:
    """Return a string that changes with the version of Jinja, and with the Python files in `folder`."""
    files = []
    for path in folder.rglob("[!.]*.py"):  # without the lock files of editors
        with suppress(FileNotFoundError):  # deleted just now
            found = path.stat()
            files.append((str(path), found.st_size, found.st_mtime_ns))
    return sha256(repr((version("jinja2"), sorted(files))).encode()).hexdigest()


class TemplateCache(BytecodeCache):
    """A cache of compiled templates in a folder. If the folder can't be used, templates are compiled as without it.

    A file is only used for the same source of the template and the same `version` of the code: when Jinja compiles a
    template, it already applies filters to constants. Files contain code, so they are signed with `secret`. A process
    doesn't run what someone else has written to DATA_DIR.
    """

    def __init__(self, folder: Path, secret: str, version: str) -> None:
        self._folder, self._secret, self._version = folder, secret.encode(), version
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return the name of a template's file. It doesn't depend on the folder of the release."""
        return super().get_cache_key(name)

    def get_source_checksum(self, source: str) -> str:
        """Return the checksum that a file in the cache must have to be used for `source`."""
        return super().get_source_checksum(self._version + source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill `bucket` from its file. If the file is missing, damaged or not signed, leave the bucket empty."""
        with suppress(OSError):
            data = (self._folder / bucket.key).read_bytes()
            signature, code = data[:SIGNATURE_LENGTH], data[SIGNATURE_LENGTH:]
            if hmac.compare_digest(signature, self._sign(bucket.key, code)):
                bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write `bucket` to its file, if the disk allows it. Other processes see the whole file or none."""
        code = bucket.bytecode_to_string()
        with suppress(OSError), NamedTemporaryFile(dir=self._folder, prefix="part-", delete=False) as part:
            try:
                part.write(self._sign(bucket.key, code) + code)
                part.close()
                os.replace(part.name, self._folder / bucket.key)  # noqa: PTH105 - a name, not a Path
            except OSError:
                Path(part.name).unlink(missing_ok=True)

    def _sign(self, key: str, code: bytes) -> bytes:
        return hmac.digest(self._secret, b"template\0" + key.encode() + b"\0" + code, "sha256")
