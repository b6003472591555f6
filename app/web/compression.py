"""Compress pages and JSON with gzip.

The responses are padded to a random length. Without the padding, an attacker could guess secrets from the length of
responses (the BREACH attack; docs/decisions/0018-compression.md).
"""

from __future__ import annotations

import gzip
import io
import secrets

from flask import Flask, Response, request

COMPRESSED = frozenset({"text/html", "text/plain", "application/json", "application/manifest+json", "image/svg+xml"})
MIN_LENGTH = 500  # bytes; compressing shorter responses saves less than the headers cost
LEVEL = 6
MAX_PADDING = 100  # bytes


def compress(content: bytes) -> bytes:
    """Return `content` in gzip format.

    The gzip header contains a file name of random length as padding, as in Django.
    """
    buffer = io.BytesIO()
    name = "a" * secrets.randbelow(MAX_PADDING + 1)
    with gzip.GzipFile(filename=name, mode="wb", compresslevel=LEVEL, fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def init_app(app: Flask) -> None:
    """Compress the responses of `app`.

    Call this before adding other response hooks. Flask runs these hooks in reverse order, so compression is the last
    step.
    """

    @app.after_request
    def compress_response(response: Response) -> Response:
        if response.mimetype not in COMPRESSED or response.direct_passthrough or response.is_streamed:
            return response
        response.vary.add("Accept-Encoding")
        is_wanted = request.accept_encodings.quality("gzip") > 0
        if not is_wanted or "Content-Encoding" in response.headers or response.status_code == 206:
            return response
        content = response.get_data()
        if len(content) >= MIN_LENGTH:
            response.set_data(compress(content))
            response.headers["Content-Encoding"] = "gzip"
            etag, _is_weak = response.get_etag()
            if etag:
                response.set_etag(etag, weak=True)
        return response
