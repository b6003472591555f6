"""Redirects that never leave the site."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import redirect, request
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

# One slash, then anything but another slash or a backslash: browsers read "//x", "/\\x" and "\\/x" as another host.
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)


def here() -> str:
    """The address of the current page on this site, as `safe_next` takes it: percent-encoded."""
    return iri_to_uri(request.full_path.rstrip("?"))


def safe_next(target: str | None) -> str | None:
    """`target` if it is a path on this site, else None. Anything unusual counts as not.

    A browser strips tabs and line breaks before it reads a URL, so only printable ASCII without a backslash passes.
    """
    if not target or len(target) > 2048 or not _LOCAL_PATH.fullmatch(target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


def go_back(otherwise: str) -> Response:
    """To the page of this site that the form's field `next` names, or else to `otherwise`."""
    return redirect(safe_next(request.form.get("next")) or otherwise, 303)
