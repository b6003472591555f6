"""Handle requests for URLs that no page links to: URLs with extra slashes, and /favicon.ico."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Flask, Response, current_app, redirect, request, send_file
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from app.web.asset_build import OWN
from app.web.pages import bp

ICON = OWN / "img" / "favicon.ico"  # mark.svg at 16, 32 and 48 pixels
A_DAY = 24 * 3600  # seconds


@bp.get("/favicon.ico")
def favicon() -> Response:
    """Return the site's icon, for clients that request /favicon.ico without loading a page."""
    response = send_file(ICON, "image/vnd.microsoft.icon", max_age=A_DAY)
    response.headers["Cache-Control"] = f"public, max-age={A_DAY}"
    return response


def init_app(app: Flask) -> None:
    """Redirect GET requests for URLs with extra slashes, such as /explore/, to the URL without these slashes.

    If no route matches the URL without slashes, there is no redirect.
    """
    app.before_request(redirect_to_canonical)


def redirect_to_canonical() -> BaseResponse | None:
    """Return a redirect (308) to the same URL without extra slashes, or None if no route matches that URL.

    The redirect never leads to another site, because its target consists of the URL prefix and a path that matches a
    route.
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
