"""The translated strings of the scripts, one small cached document a language."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, abort, url_for

from app.config import ROOT
from app.i18n import SOURCE, languages

bp = Blueprint("strings", __name__)
FOREVER = "public, max-age=31536000, immutable"


@lru_cache(maxsize=64)
def _document(path: Path, _changed: float) -> tuple[str, str]:
    """The document and its version; read again only when the file has changed."""
    text = path.read_text() if path.exists() else '{"locale": "en", "plural": ["one", "other"], "messages": {}}'
    return text, hashlib.sha256(text.encode()).hexdigest()[:12]


def _strings(language: str) -> tuple[str, str]:
    path = ROOT / "translations" / language / "LC_MESSAGES" / "messages.json"
    return _document(path, path.stat().st_mtime if path.exists() else 0.0)


def strings_url(language: str) -> str:
    """The address of a language's strings. It changes with them, so they are cached for ever."""
    return url_for("strings.document", language=language, version=_strings(language)[1])


@bp.get("/strings/<language>-<version>.json")
def document(language: str, version: str) -> Response:
    """The strings of the scripts in one language."""
    if language not in languages() and language != SOURCE:
        abort(404)
    text, current = _strings(language)
    response = Response(text, mimetype="application/json")
    response.headers["Cache-Control"] = FOREVER if version == current else "no-cache"
    return response
