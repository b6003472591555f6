"""Reject request bodies that are not valid forms. No route accepts anything else.

Without this check, WTForms would treat such a body as an empty form, in which every checkbox is off. The check runs
before rate limits, CSRF checks and routes. Content types other than forms are rejected with 415 (RFC 9110, section
15.5.16), and malformed forms with 400.
"""

from __future__ import annotations

from typing import IO, Any

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.formparser import FormDataParser

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class StrictFormParser(FormDataParser):
    """Werkzeug's form parser, but with an error for a malformed form. The original returns an empty form instead."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> Any:
        """Parse a form. Raise BadRequest if it is malformed."""
        self.silent = False
        try:
            return super().parse(stream, mimetype, content_length, options)
        except ValueError as error:  # no boundary, a truncated part, invalid UTF-8
            raise BadRequest("The form cannot be parsed.") from error


class FormRequest(Request):
    """A request whose form is parsed by `StrictFormParser`."""

    form_data_parser_class = StrictFormParser


def init_app(app: Flask) -> None:
    """Reject bodies that are not forms, on every route of `app`. Call this before adding other request hooks."""
    app.request_class = FormRequest
    app.before_request(refuse_other_bodies)


def refuse_other_bodies() -> None:
    """Raise UnsupportedMediaType if the body of the request is not a form. A request without a body is accepted."""
    if request.method not in BODY_METHODS or request.routing_exception is not None:
        return  # respond with 404 or 405 instead, which is more precise
    if request.mimetype not in FORM_TYPES and (request.mimetype or _has_body()):
        raise UnsupportedMediaType()


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
