"""Serve the static files that asset_build.py builds, with a digest in their URLs.

The template function `asset(name)` returns /static/<digest>/<name>. The digest changes if any source file changes.
Therefore, browsers can cache the files permanently, and still load a new version immediately. All files have the same
digest, so they can refer to each other by relative paths.

During an upgrade, two versions of the site run at the same time, so a request can have the digest of another version.
The response is then the current file, which browsers may cache for one minute only.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask, has_request_context, request
from whitenoise import WhiteNoise
from whitenoise.media_types import MediaTypes
from whitenoise.responders import StaticFile

from app.web import asset_build, icons

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/static/"
DIGEST_LENGTH = 12
COMPRESSED = frozenset({".css", ".js", ".svg"})
FOREVER = "public, max-age=31536000, immutable"
A_MINUTE = "public, max-age=60"
LOOK_AGAIN = 1.0  # seconds between two checks for changed sources, outside production


class Served(NamedTuple):
    """A static file, prepared with two sets of response headers.

    `lasting` is for URLs with the current digest: browsers may cache the file permanently. `passing` is for URLs with
    another digest: browsers may cache the file for one minute.
    """

    lasting: StaticFile
    passing: StaticFile


class Build(NamedTuple):
    """The built files and the digest of their sources."""

    digest: str
    files: dict[str, Served]


class Assets:
    """WSGI middleware that serves static files and passes everything else on to the app."""

    def __init__(self, inner: WSGIApplication, data_dir: Path, headers: dict[str, str], *, watches: bool) -> None:
        self._inner = inner
        self._folder = data_dir / "assets"
        self._headers = headers
        self._watches = watches
        self._types = MediaTypes()
        self._build: Build | None = None
        self._looked_at = 0.0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond with a static file if the URL path names one. Otherwise, call the app."""
        address = environ.get("PATH_INFO", "")
        if not address.startswith(PREFIX):
            return self._inner(environ, start_response)
        build = self._current()
        digest, _slash, name = address[len(PREFIX) :].partition("/")
        served = build.files.get(name)
        if served is None or len(digest) != DIGEST_LENGTH:
            return self._inner(environ, start_response)
        file = served.lasting if digest == build.digest else served.passing
        answer: Iterable[bytes] = WhiteNoise.serve(file, environ, start_response)
        return answer

    def path(self, name: str) -> str:
        """Return the URL path of a static file. Raise KeyError if there is no such file."""
        build = self._current()
        if name not in build.files:
            raise KeyError(name)
        return f"{PREFIX}{build.digest}/{name}"

    def _current(self) -> Build:
        if self._build is None or (self._watches and time.monotonic() > self._looked_at + LOOK_AGAIN):
            self._looked_at = time.monotonic()
            digest = source_digest(tuple((path, path.stat().st_mtime_ns) for path in asset_build.sources()))
            if self._build is None or self._build.digest != digest:
                self._build = Build(digest, self._load(digest))
        return self._build

    def _load(self, digest: str) -> dict[str, Served]:
        folder = self._folder / digest
        if not folder.exists():
            self._write(folder)
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return {name: self._served(folder / name) for name in names if not name.endswith(".gz")}

    def _served(self, path: Path) -> Served:
        packed = path.with_name(path.name + ".gz")
        encodings = {"gzip": str(packed)} if packed.exists() else {}
        return Served(*(StaticFile(str(path), self._header_list(path, age), encodings) for age in (FOREVER, A_MINUTE)))

    def _header_list(self, path: Path, cache_control: str) -> list[tuple[str, str]]:
        kind = self._types.get_type(str(path))
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        return [*self._headers.items(), ("Content-Type", kind + charset), ("Cache-Control", cache_control)]

    def _write(self, target: Path) -> None:
        """Build all files in a temporary folder, and rename this folder to `target`.

        The rename is atomic, so several processes can build the files at the same time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            for name, content in built(target.name).items():
                path = made / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
                if path.suffix in COMPRESSED:
                    path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, mtime=0))
            made.chmod(0o755)
            made.rename(target)
        except OSError:
            if not target.exists():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)


@lru_cache(maxsize=4)
def source_digest(state: tuple[tuple[Path, int], ...]) -> str:
    """Return a digest of the content of the source files.

    `state` contains the path and the modification time of each file. It is the cache key of this function, so the files
    are read again only if a modification time has changed.
    """
    digest = hashlib.sha256(version("bootstrap-flask").encode())
    for path, _changed in state:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:DIGEST_LENGTH]


@lru_cache(maxsize=1)
def built(digest: str) -> dict[str, bytes]:
    """Build the static files, and return their contents by name.

    The result is cached by `digest`, the digest of the sources, because tests create many apps from the same sources.
    """
    return asset_build.build()


def init_app(app: Flask) -> None:
    """Add the middleware that serves static files, and the template functions `asset(name)` and `icon(name)`."""
    watches = app.config["SETTINGS"].microblog_env != "production"
    assets = Assets(app.wsgi_app, app.config["DATA_DIR"], app.config["ANSWER_HEADERS"], watches=watches)
    app.wsgi_app = assets  # type: ignore[method-assign]  # as Flask documents it

    @app.template_global()
    def asset(name: str) -> str:
        """Return the URL path of a static file, with the site's URL prefix."""
        root = request.script_root if has_request_context() else ""
        return root + assets.path(name)

    icons.init_app(app, asset)
