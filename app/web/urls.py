"""`url_for` of the templates: it remembers the paths it has built, as a page has 200 links and most of them recur."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import flask
from flask import Flask, has_request_context, request

REMEMBERED = 4096  # paths; about 2 MB


def url_for(endpoint: str, /, **values: Any) -> str:
    """Return the same as Flask's `url_for`. Outside a request, the URL is absolute and is not remembered."""
    if has_request_context() and "_external" not in values and not endpoint.startswith("."):
        try:
            return _path(request.script_root, endpoint, **values)
        except TypeError:  # a value that cannot be a key, such as a list
            pass
    return flask.url_for(endpoint, **values)


@lru_cache(maxsize=REMEMBERED, typed=True)
def _path(script_root: str, endpoint: str, /, **values: Any) -> str:
    """Build a path; apart from the arguments, it depends on the current request only by the URL prefix."""
    return flask.url_for(endpoint, **values)


def init_app(app: Flask) -> None:
    """Use this `url_for` in templates."""
    app.jinja_env.globals["url_for"] = url_for
