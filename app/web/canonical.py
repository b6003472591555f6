"""Addresses that people and programs try although no page links to them: a final slash, and /favicon.ico."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Flask, Response, current_app, redirect, request, send_file
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from app.web.assets import OWN
from app.web.pages import bp

ICON = OWN / "img" / "favicon.ico"  # mark.svg at 16, 32 and 48 pixels
A_DAY = 24 * 3600  # seconds


@bp.get("/favicon.ico")
def favicon() -> Response:
    """The icon for programs that ask for this address without having read a page."""
    response = send_file(ICON, "image/vnd.microsoft.icon", max_age=A_DAY)
    response.headers["Cache-Control"] = f"public, max-age={A_DAY}"
    return response


def init_app(app: Flask) -> None:
    """Redirect GET requests with a final slash to the page without it, if there is one."""
    app.before_request(redirect_to_canonical)


def redirect_to_canonical() -> BaseResponse | None:
    """A permanent redirect (308) to the same address with single slashes and none at the end; None if nothing is there.

    The target is built from the prefix and a path that matches a route, so it never leaves the site.
    """
    if request.method not in {"GET", "HEAD"} or not isinstance(request.routing_exception, NotFound):
        return None
    path = "/" + re.sub("/{2,}", "/", request.path).strip("/")
    adapter = current_app.create_url_adapter(request)
    if path == request.path or adapter is None:
        return None
    try:
        adapter.match(path, method="GET")
    except HTTPException:
        return None
    query = request.query_string.decode("latin-1")
    return redirect(quote(request.script_root + path) + (f"?{query}" if query else ""), 308)
