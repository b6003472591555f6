"""The limits for uploaded images, and the sizes in which images are stored.

This module imports neither the app nor Pillow, because both web processes and decoder processes import it.
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
"""The maximum number of scans in a JPEG. Each scan takes a pass over the image. Cameras write about a dozen scans."""
MAX_MEMORY = 1024 * 1024 * 1024
"""The maximum address space of a decoder process in bytes."""

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF")
"""Accepted formats, as Pillow names them."""
ACCEPT = "image/jpeg,image/png,image/gif,image/webp,image/avif,image/heic,image/heif,.avif,.heic,.heif"
"""The `accept` attribute of a file field. It includes file extensions, because some systems don't know new types."""

Code = Literal["empty", "bytes", "format", "pixels", "broken", "costly"]


class Shape(NamedTuple):
    """How to resize an image. `kind` is the method, and `side` is the side of a square in pixels.

    The method "square" crops the image to this square. The method "within" scales the image down to fit in this square.
    """

    kind: Literal["square", "within"]
    side: int  # pixels


AVATAR = Shape("square", 400)
"""A square crop of the centre of the image."""
PHOTO = Shape("within", 2048)
"""The whole image, scaled down if it is larger than this."""
THUMBNAIL = Shape("within", 480)
"""The whole image, scaled down for display in a conversation."""


class InvalidImage(ValueError):
    """The error for an uploaded image that is not accepted.

    `code` is the reason. Forms show a message for it:

        "empty"     the file is empty
        "bytes"     the file is too large
        "format"    the format is not in FORMATS
        "pixels"    the image has too many pixels
        "broken"    the decoder failed
        "costly"    the decoder used up its CPU time or its memory

    `pixels` is the number of pixels to count for the uploader's rate limit. It is 0 if nothing was decoded, or if the
    number is unknown.
    """

    def __init__(self, code: Code, pixels: int = 0) -> None:
        super().__init__(code)
        self.code: Code = code
        self.pixels = pixels
