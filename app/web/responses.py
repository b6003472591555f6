"""Responses: JSON or a page, refusals, redirects that never leave the site, and keys that make forms idempotent."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

from flask import flash, redirect, request
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from app.core.errors import ActionError
from app.extensions import db

JSON_PATHS = ("/notifications",)


def wants_json() -> bool:
    """Whether the current request should be answered in JSON: it asked for it, sent it, or only machines come here."""
    if request.path in JSON_PATHS or request.is_json:
        return True
    accept = request.accept_mimetypes
    best = accept.best_match(["text/html", "application/json"])
    return best == "application/json" and accept[best] > accept["text/html"]


def is_script() -> bool:
    """Whether a script of a page asks, which knows what to do next and follows no redirect."""
    return wants_json() or "X-Requested-With" in request.headers


def flash_error(refusal: ActionError, category: str = "danger") -> None:
    """Roll the transaction back and flash the refusal's sentence under `category`."""
    db.session.rollback()
    flash(str(refusal), category)


# One slash, then anything but another slash or a backslash: browsers read "//x", "/\\x" and "\\/x" as another host.
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)  # URL Standard, "single-dot URL path segment"


def here() -> str:
    """The address of the current page on this host, as `safe_next` takes it: with the prefix, percent-encoded."""
    return iri_to_uri(request.script_root + request.full_path.rstrip("?"))


def safe_next(target: str | None) -> str | None:
    """`target` if it is a path on this site, below its URL prefix, else None. Anything unusual counts as not.

    A browser strips tabs and line breaks before it reads a URL, so only printable ASCII without a backslash passes.
    Dot segments do not pass: a browser resolves them, and they would lead out of the prefix.
    """
    if not target or len(target) > 2048 or not _LOCAL_PATH.fullmatch(target):
        return None
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or _DOT_SEGMENT.search(parts.path):
        return None
    root = iri_to_uri(request.script_root)
    return target if parts.path == root or parts.path.startswith(f"{root}/") else None


def go_back(otherwise: str) -> Response:
    """To the page of this site that the form's field `next` names, or else to `otherwise`."""
    return redirect(safe_next(request.form.get("next")) or otherwise, 303)


def new_form_key() -> str:
    """A key for one rendering of a form: whatever comes back with it counts once."""
    return secrets.token_urlsafe(12)
