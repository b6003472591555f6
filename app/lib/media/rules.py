"""The limits for uploaded images, and the sizes in which they are stored.

This module imports neither the app nor Pillow, as both the web processes and the decoder process read it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

MAX_BYTES = 5 * 1024 * 1024
"""The maximum size of an upload in bytes."""
MAX_PIXELS = 25_000_000
"""The maximum number of pixels of an image."""
MAX_SIDE = 16_384
"""The maximum width and height in pixels. An image of 1 by 50,000 pixels is not a photo."""
MAX_SCANS = 64
"""The maximum number of scans in a JPEG. Each costs a pass over the image. Cameras write about a dozen."""
MAX_MEMORY = 1024 * 1024 * 1024
"""The maximum address space of a decoder process in bytes."""

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF")
"""Accepted formats, as Pillow names them."""
ACCEPT = "image/jpeg,image/png,image/gif,image/webp,image/avif,image/heic,image/heif,.avif,.heic,.heif"
"""The `accept` attribute of a file field. Some systems know these formats only by their file extensions."""

Code = Literal["empty", "bytes", "format", "pixels", "broken", "costly"]


class Shape(NamedTuple):
    """How an image is resized: cropped to a "square" of this side, or scaled down to fit "within" it."""

    kind: Literal["square", "within"]
    side: int  # pixels


AVATAR = Shape("square", 400)
"""A square crop of the centre, with sides of this length."""
PHOTO = Shape("within", 2048)
"""The whole image, scaled down if its longest side exceeds this length."""
THUMBNAIL = Shape("within", 480)
"""The same, for the thumbnail in a conversation."""


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
