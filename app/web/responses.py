"""Helpers for responses: JSON or HTML, error messages, safe redirects, and idempotency keys for forms."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

from flask import flash, redirect, request
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.extensions import db

JSON_PATHS = ("/notifications",)


def wants_json() -> bool:
    """Return whether to respond with JSON instead of a page.

    This is true if the client prefers JSON to HTML, if it has sent JSON, or if only scripts request this path.
    """
    if request.path in JSON_PATHS or request.is_json:
        return True
    accept = request.accept_mimetypes
    best = accept.best_match(["text/html", "application/json"])
    return best == "application/json" and accept[best] > accept["text/html"]


def is_script() -> bool:
    """Return whether a script of our pages sent this request. The response to a script needs no redirect to a page."""
    return wants_json() or "X-Requested-With" in request.headers


def flash_error(refusal: ActionError, category: str = "danger") -> None:
    """Roll back the transaction, and flash the message of `refusal` with the given category."""
    db.session.rollback()
    flash(str(refusal), category)


# One slash, then no other slash or backslash: browsers read "//x", "/\\x" and "\\/x" as another host.
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)  # URL Standard, "single-dot URL path segment"


def here() -> str:
    """Return the path and query of the current URL, percent-encoded. The path includes SCRIPT_NAME.

    `safe_next` accepts the result.
    """
    return iri_to_uri(request.script_root + request.full_path.rstrip("?"))


def safe_next(target: str | None) -> str | None:
    """Return `target` if it is a path on this site, below its URL prefix; else None.

    Only printable ASCII without backslashes is accepted, because browsers remove tabs and line breaks before they parse
    a URL. Dot segments ("/../") are rejected, because they could lead out of the prefix.
    """
    if not target or len(target) > 2048 or not _LOCAL_PATH.fullmatch(target):
        return None
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or _DOT_SEGMENT.search(parts.path):
        return None
    root = iri_to_uri(request.script_root)
    return target if parts.path == root or parts.path.startswith(f"{root}/") else None


def go_back(otherwise: str) -> Response:
    """Redirect to the page in the form field `next` if it is on this site, else to `otherwise`."""
    return redirect(safe_next(request.form.get("next")) or otherwise, 303)


def new_form_key() -> str:
    """Return a new idempotency key for a form. If the form is submitted twice, it takes effect only once."""
    return secrets.token_urlsafe(12)
