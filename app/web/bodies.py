"""Request bodies: every route that takes one takes a form, and only a form.

WTForms cannot tell a body it does not understand from an empty form, in which every switch is off. Such a body is
therefore refused before any route, any rate limit and the CSRF check see it: a foreign content type with 415 (RFC 9110,
section 15.5.16), a form that cannot be parsed with 400.
"""

from __future__ import annotations

from typing import IO, Any

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.formparser import FormDataParser

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class StrictFormParser(FormDataParser):
    """Werkzeug's parser, except that a malformed form is an error and not an empty form."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> Any:
        """Parse as Werkzeug does. Raises BadRequest where Werkzeug would return an empty form."""
        self.silent = False
        try:
            return super().parse(stream, mimetype, content_length, options)
        except ValueError as error:  # no boundary, a cut part, bytes that are not UTF-8
            raise BadRequest("The form cannot be parsed.") from error


class FormRequest(Request):
    """A request whose form is parsed strictly."""

    form_data_parser_class = StrictFormParser


def init_app(app: Flask) -> None:
    """Refuse bodies that are not forms, on every route of `app`. Call it before other request hooks are added."""
    app.request_class = FormRequest
    app.before_request(refuse_other_bodies)


def refuse_other_bodies() -> None:
    """Raise UnsupportedMediaType when a route exists and the body is not a form. An absent body is an empty form."""
    if request.method not in BODY_METHODS or request.routing_exception is not None:
        return  # 404 and 405 say more
    if request.mimetype not in FORM_TYPES and (request.mimetype or _has_body()):
        raise UnsupportedMediaType()


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
