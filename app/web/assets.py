"""Static files: our own, and Bootstrap, its icons and jQuery out of their Python packages.

An address made by `asset()` names a hash of the file's content, so browsers keep the file for ever and see a new one
at once. Asked for by another hash (two versions of the site run for a moment while one is replaced), a file is kept
for a minute only.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import flask_bootstrap
import xstatic.pkg.jquery
from flask import Flask, has_request_context, request
from whitenoise import WhiteNoise
from whitenoise.media_types import MediaTypes
from whitenoise.responders import StaticFile

from app.web import rtl

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/static/"
OWN = Path(__file__).parent.parent / "static"
BOOTSTRAP = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5"
JQUERY = Path(xstatic.pkg.jquery.BASE_DIR)

# Only what pages use: the packages also hold themes, source maps and a megabyte of drawings.
VENDOR = {
    "vendor/bootstrap/": (
        BOOTSTRAP,
        (
            "css/bootstrap.min.css",
            "css/font/bootstrap-icons.min.css",
            "css/font/fonts/bootstrap-icons.woff2",
            "js/bootstrap.min.js",
            "umd/popper.min.js",
        ),
    ),
    "vendor/jquery/": (JQUERY, ("jquery.min.js",)),
}
RTL = "vendor/bootstrap-rtl/bootstrap.rtl.min.css"
COMPRESSED = frozenset({".css", ".js", ".svg"})

FOREVER = "public, max-age=31536000, immutable"
A_MINUTE = "public, max-age=60"


class Served(NamedTuple):
    """A file as it is served, until it changes on the disk."""

    changed_ns: int
    version: str
    kept: StaticFile  # asked for by its version
    passing: StaticFile  # asked for without one, or by another


class Assets:
    """The WSGI room that answers for static files; everything else goes on to the app."""

    def __init__(self, inner: WSGIApplication, data_dir: Path, headers: dict[str, str]) -> None:
        self._inner = inner
        self._made = data_dir / "assets"  # what is made from other files: mirrored, compressed
        self._headers = headers
        self._types = MediaTypes()
        self._paths = _paths()
        self._paths[RTL] = self._rtl()
        self._served: dict[str, Served] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a file that is known."""
        address = environ.get("PATH_INFO", "")
        name = address[len(PREFIX) :] if address.startswith(PREFIX) else ""
        if name not in self._paths:
            return self._inner(environ, start_response)
        served = self._current(name)
        is_named = environ.get("QUERY_STRING") == f"v={served.version}"
        answer: Iterable[bytes] = WhiteNoise.serve(served.kept if is_named else served.passing, environ, start_response)
        return answer

    def version(self, name: str) -> str:
        """A short hash of the file's content. Raises KeyError when there is no such file."""
        return self._current(name).version

    def _current(self, name: str) -> Served:
        path = self._paths[name]
        changed = path.stat().st_mtime_ns
        served = self._served.get(name)
        if served is None or served.changed_ns != changed:
            served = self._served[name] = self._read(path, changed)
        return served

    def _read(self, path: Path, changed: int) -> Served:
        content = path.read_bytes()
        version = hashlib.sha256(content).hexdigest()[:12]
        encodings = {}
        if path.suffix in COMPRESSED:
            encodings["gzip"] = str(self._make(f"{version}{path.suffix}.gz", gzip.compress(content, mtime=0)))
        kept, passing = (StaticFile(str(path), self._header_list(path, age), encodings) for age in (FOREVER, A_MINUTE))
        return Served(changed, version, kept, passing)

    def _header_list(self, path: Path, cache_control: str) -> list[tuple[str, str]]:
        kind = self._types.get_type(str(path))
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        return [*self._headers.items(), ("Content-Type", kind + charset), ("Cache-Control", cache_control)]

    def _rtl(self) -> Path:
        """Bootstrap for right-to-left pages, made once for each version of it and of what mirrors it."""
        source = (BOOTSTRAP / "css/bootstrap.min.css").read_bytes()
        version = hashlib.sha256(source + Path(rtl.__file__).read_bytes()).hexdigest()[:12]
        made = self._made / f"bootstrap.rtl.{version}.css"
        return made if made.exists() else self._make(made.name, rtl.mirrored(source.decode()).encode())

    def _make(self, name: str, content: bytes) -> Path:
        """Keep `content` under `name`, whole or not at all: several processes may start at once."""
        target = self._made / name
        if not target.exists():
            self._made.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._made, delete=False) as file:
                file.write(content)
            Path(file.name).chmod(0o644)
            os.replace(file.name, target)  # noqa: PTH105  (atomic, and says so)
        return target


def _paths() -> dict[str, Path]:
    """Every file that is served, by its name under /static/."""
    paths = {path.relative_to(OWN).as_posix(): path for path in sorted(OWN.rglob("*")) if path.is_file()}
    for prefix, (folder, names) in VENDOR.items():
        paths |= {prefix + name: folder / name for name in names}
    return paths


def init_app(app: Flask) -> None:
    """Serve static files before the app is asked, and give templates `asset(path)`."""
    assets = Assets(app.wsgi_app, app.config["DATA_DIR"], app.config["ANSWER_HEADERS"])
    app.wsgi_app = assets  # type: ignore[method-assign]  # as Flask documents it

    @app.template_global()
    def asset(name: str) -> str:
        """The address of a static file, under the path that the site is mounted at."""
        root = request.script_root if has_request_context() else ""
        return f"{root}{PREFIX}{name}?v={assets.version(name)}"
