"""A faster `url_for` for templates. It caches paths, because a page has about 200 links, and most pages share them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import flask
from flask import Flask, has_request_context, request

REMEMBERED = 4096  # maximum number of cached paths; about 2 MB


def url_for(endpoint: str, /, **values: Any) -> str:
    """Return the same URL as Flask's `url_for`, from the cache if possible.

    Outside a request, the URL is absolute and is not cached.
    """
    if has_request_context() and "_external" not in values and not endpoint.startswith("."):
        try:
            return _path(request.script_root, endpoint, **values)
        except TypeError:  # a value that cannot be a key, such as a list
            pass
    return flask.url_for(endpoint, **values)


@lru_cache(maxsize=REMEMBERED, typed=True)
def _path(script_root: str, endpoint: str, /, **values: Any) -> str:
    """Return the URL path for an endpoint. `script_root`, the request's URL prefix, is only part of the cache key."""
    return flask.url_for(endpoint, **values)


def init_app(app: Flask) -> None:
    """Make templates use the `url_for` of this module instead of Flask's."""
    app.jinja_env.globals["url_for"] = url_for
