"""The translated strings that scripts use: one small JSON document for each language, cached by browsers."""

from __future__ import annotations

from flask import Blueprint, Response, abort, url_for

from app.catalogs.compiled import Compiled
from app.catalogs.domain import catalogs
from app.catalogs.plurals import PluralRule
from app.core.i18n import SOURCE, languages

bp = Blueprint("strings", __name__)
FOREVER = "public, max-age=31536000, immutable"
_ENGLISH = Compiled(SOURCE, "", PluralRule(2, "n != 1"), 0, {}, [])


def _strings(language: str) -> tuple[str, str]:
    return catalogs().by_code.get(language, _ENGLISH).browser_document


def strings_url(language: str) -> str:
    """Return the URL of the JSON document with a language's strings for scripts.

    The URL changes with the strings, so browsers can cache the document permanently.
    """
    return url_for("strings.document", language=language, version=_strings(language)[1])


@bp.get("/strings/<language>-<version>.json")
def document(language: str, version: str) -> Response:
    """Return the strings that scripts use in one language, as JSON.

    Browsers may cache the response permanently if `version` is current.
    """
    if language not in languages() and language != SOURCE:
        abort(404)
    text, current = _strings(language)
    response = Response(text, mimetype="application/json")
    response.headers["Cache-Control"] = FOREVER if version == current else "no-cache"
    return response
