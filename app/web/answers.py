"""What the asker can read: a page or JSON, or nothing."""

from __future__ import annotations

from flask import request

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
