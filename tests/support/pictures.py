"""Pictures to upload, and sending them as a form does."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from PIL import Image
from werkzeug.test import TestResponse


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), colour: str = "red", **options: Any) -> bytes:
    """The bytes of a picture of one colour."""
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **options)
    return out.getvalue()


def send_pictures(
    browser: Any, pictures: Sequence[bytes], *, to: str = "ben", alts: Sequence[str] = (), **fields: Any
) -> TestResponse:
    """Send a message with pictures; b"" is a field of the form that was left empty."""
    files = [(BytesIO(data), "picture.png" if data else "") for data in pictures]
    sent = {"image": files, "alt": list(alts), **fields}
    response: TestResponse = browser.post_form(f"/send_message/{to}", sent, content_type="multipart/form-data")
    return response


def post_pictures(
    browser: Any, pictures: Sequence[bytes], *, path: str = "/post", alts: Sequence[str] = (), **fields: Any
) -> TestResponse:
    """Publish a post with pictures, or a reply if `path` is that of a reply."""
    headers = fields.pop("headers", None)
    files = [(BytesIO(data), "picture.png" if data else "") for data in pictures]
    sent = {"image": files, "alt": list(alts), **fields}
    response: TestResponse = browser.post_form(path, sent, content_type="multipart/form-data", headers=headers)
    return response


def upload_avatar(browser: Any, data: bytes, **fields: Any) -> TestResponse:
    """Send the profile form with an image."""
    sent = {"theme": "auto", "avatar": (BytesIO(data), "me.png"), **fields}
    response: TestResponse = browser.post_form("/edit_profile", sent, content_type="multipart/form-data")
    return response


def stored(app: Flask, store: str = "messages") -> list[str]:
    """The names of the files in a store of pictures: "messages", "posts" or "avatars"."""
    folder = Path(app.config["DATA_DIR"]) / "media" / store
    return sorted(path.name for path in folder.glob("*/*"))
