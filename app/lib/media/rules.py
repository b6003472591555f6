"""The limits for uploaded images, and the sizes in which they are stored.

This module imports neither the app nor Pillow, as both the web processes and the decoder process read it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

MAX_BYTES = 5 * 1024 * 1024
"""Largest upload, in bytes."""
MAX_PIXELS = 25_000_000
"""Largest image, in pixels."""
MAX_SIDE = 16_384
"""Longest side, in pixels: an image of 1 by 50,000 pixels is not a photo."""
MAX_SCANS = 64
"""Most scans in a JPEG. Each scan costs a pass over the whole image; cameras and programs write about a dozen."""
MAX_MEMORY = 1024 * 1024 * 1024
"""Address space of a decoder process, in bytes."""

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF")
"""Accepted formats, as Pillow names them."""
ACCEPT = "image/jpeg,image/png,image/gif,image/webp,image/avif,image/heic,image/heif,.avif,.heic,.heif"
"""The `accept` attribute of a file field. Some systems know these formats only by the file name's ending."""

Code = Literal["empty", "bytes", "format", "pixels", "broken", "costly"]


class Shape(NamedTuple):
    """How an image is resized: cropped to a "square" of this side, or scaled down to fit "within" it."""

    kind: Literal["square", "within"]
    side: int  # pixels


AVATAR = Shape("square", 400)
"""The centre of the image, as a square with sides of this length."""
PHOTO = Shape("within", 2048)
"""The whole image. If its longest side is longer than this, it is made smaller."""
THUMBNAIL = Shape("within", 480)
"""The same, for an image in a conversation."""


class InvalidImage(ValueError):
    """An upload that is not accepted.

    `code` is the reason; forms turn it into a sentence. "empty": no bytes. "bytes": too many bytes. "format": not
    one of FORMATS. "pixels": too many pixels. "broken": the decoder failed. "costly": decoding used up its CPU time
    or its memory. `pixels` is the size of the image, or 0 if it is unknown.
    """

    def __init__(self, code: Code, pixels: int = 0) -> None:
        super().__init__(code)
        self.code: Code = code
        self.pixels = pixels
