"""Handlers of HTTP errors and exceptions. They respond with a page or JSON that has one sentence for the user."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, g, jsonify, make_response, render_template, request
from flask_babel import LazyString
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, ServiceUnavailable
from werkzeug.wrappers import Response

from app.catalogs.domain import without_catalogs
from app.core.database import set_read_mode
from app.core.i18n import _l
from app.extensions import db, login
from app.web.error_mail import report
from app.web.responses import wants_json

SENTENCES: dict[int, LazyString] = {
    400: _l("We couldn't understand this request."),
    401: _l("Log in to continue."),
    403: _l("You don't have access to this."),
    404: _l("Page not found"),
    405: _l("This page can't be opened directly."),
    406: _l("This isn't available in the requested format."),
    413: _l("This file or text is too large."),
    415: _l("That type of content isn't supported."),
    429: _l("You're going too fast. Please wait a moment and try again."),
    500: _l("Something went wrong on our side. We've been notified."),
    503: _l("The server is busy. Please try again in a moment."),
}
RETRY_AFTER = 5  # seconds, for 503


def init_app(app: Flask) -> None:
    """Register the handlers for HTTP errors, database errors and all other exceptions."""
    app.register_error_handler(HTTPException, show)
    app.register_error_handler(CSRFError, expired)
    app.register_error_handler(OperationalError, busy)
    app.register_error_handler(PoolTimeout, busy)
    app.register_error_handler(DataError, unstorable)
    app.register_error_handler(Exception, server_error)


def show(error: HTTPException) -> Response:
    """Return the response to an HTTP error, as a page or JSON."""
    if isinstance(error.response, Response):  # a redirect, or another complete response
        return error.response
    code = error.code or 500
    return _answer(code, SENTENCES.get(code) or SENTENCES[400 if code < 500 else 500], error)


def expired(error: CSRFError) -> Response:
    """Return 400 for a form without a valid CSRF token. The usual cause is a page that was open for too long."""
    return _answer(400, _l("This page expired. Reload it and try again."), error)


def busy(error: Exception) -> Response:
    """Return 503 if the database is unavailable, locked or out of connections."""
    _start_over()
    current_app.logger.error("database trouble: %s", error)
    unavailable = ServiceUnavailable(retry_after=RETRY_AFTER)
    try:
        return _answer(503, SENTENCES[503], unavailable)
    except (OperationalError, PoolTimeout):  # rendering loads the viewer from the database
        _start_over()
        g._login_user = login.anonymous_user()
        return _answer(503, SENTENCES[503], unavailable)


def unstorable(error: DataError) -> Response:
    """Return 400 if the request contains a NUL character, which PostgreSQL can't store. Otherwise, return 500."""
    if any("\0" in value for values in (request.args, request.form) for _, value in values.items(multi=True)):
        _start_over()
        return _answer(400, SENTENCES[400], BadRequest())
    return server_error(error)


def server_error(error: Exception) -> Response:
    """Log an unexpected exception, email it to the operators, and return 500.

    The error page is in English and uses no translations, because a translation may have caused the exception. If the
    page can't be rendered, return plain text.
    """
    _start_over()
    current_app.logger.exception("unexpected error")
    report(error)
    with without_catalogs():
        try:
            return _answer(500, SENTENCES[500], InternalServerError())
        except Exception:
            current_app.logger.exception("the page that says so broke, too")
            return make_response(str(SENTENCES[500]), 500, {"Content-Type": "text/plain; charset=utf-8"})


def _start_over() -> None:
    db.session.rollback()
    set_read_mode(True)  # error pages only read, so they must not wait for SQLite's write lock


def _answer(code: int, sentence: LazyString, error: HTTPException) -> Response:
    body: Any
    if wants_json():
        body = jsonify(error=str(sentence), status=code)
    else:
        body = render_template("error.html", code=code, sentence=sentence)
    response = make_response(body, code)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    if isinstance(error, RateLimitExceeded):
        response.headers.setdefault("Retry-After", str(error.limit.limit.get_expiry()))
    return response
