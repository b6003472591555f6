"""Images from strangers: decoded under limits, and encoded anew.

An upload is not trusted in any detail: its name, its type and its header may all lie. Only what
four decoders make of it is kept, as pixels; everything else (metadata, scripts after the last byte,
a second file inside) is gone when it has been encoded again.
"""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from typing import BinaryIO, Literal

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 5 * 1024 * 1024
"""Largest upload, in bytes."""
MAX_PIXELS = 25_000_000
"""Largest picture, in pixels: 100 MB when decoded with transparency."""
MAX_SIDE = 16_384
"""Longest side, in pixels: a thread of 1 by 50,000 is no picture."""
MAX_SCANS = 64
"""Most passes a JPEG is painted in, each over the whole picture; cameras and programs use a dozen."""

AVATAR_SIDE = 400
"""Sides of a person's picture, in pixels."""
PHOTO_SIDE = 2048
"""Longest side of a picture that is shown by itself, in pixels."""
THUMBNAIL_SIDE = 480
"""Longest side of a picture that stands among words, in pixels."""

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
_JPEG = b"\xff\xd8"
_MARKER = re.compile(rb"\xff([\x01-\xfe])")  # within a scan, FF 00 is a plain FF
_SCAN, _END = 0xDA, 0xD9
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
Code = Literal["empty", "bytes", "format", "pixels", "broken"]

# Pillow's own guard, for decoders that find the real size only while they open the file. Its
# warning is made an error for the whole process; `catch_warnings` would not be safe with threads.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)


class ImageRefused(ValueError):
    """An upload that is not taken. `code` says why; forms turn it into a sentence.

    "empty": no bytes; "bytes": too many; "format": not JPEG, PNG, GIF or WebP; "pixels": too large
    when decoded; "broken": the decoder could not read it to the end.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code: Code = code


def read_image(stream: BinaryIO, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in `stream`, upright, as RGB or RGBA pixels with no metadata; of an animation,
    the first frame.

    Reads at most `max_bytes` + 1 bytes, and decodes only when the header promises at most
    `max_pixels`. Raises ImageRefused.
    """
    data = stream.read(max_bytes + 1)
    if not data:
        raise ImageRefused("empty")
    if len(data) > max_bytes:
        raise ImageRefused("bytes")
    try:
        return _decode(data, max_pixels)
    except ImageRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageRefused("pixels") from error
    except UnidentifiedImageError as error:
        raise ImageRefused("format") from error
    except Exception as error:  # decoders raise nearly anything on hostile bytes
        raise ImageRefused("broken") from error


def _decode(data: bytes, max_pixels: int) -> Image.Image:
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        _check_size(image, max_pixels)
        if _jpeg_scans(data) > MAX_SCANS:
            raise ImageRefused("broken")
        image.load()
        _check_size(image, max_pixels)  # a GIF's first frame may be larger than its header says
        mode = "RGBA" if image.has_transparency_data else "RGB"
        plain: Image.Image = image if image.mode == mode else image.convert(mode)
        upright = ImageOps.exif_transpose(plain)
    upright.getexif().clear()
    upright.info.clear()
    return upright


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels or max(image.size) > MAX_SIDE:
        raise ImageRefused("pixels")


def _jpeg_scans(data: bytes) -> int:
    """How many scans a JPEG holds up to its end (ITU-T T.81, annex B); 0 for another format.

    Its decoder has no limit of its own: 5 MB of empty scans kept it busy for half an hour.
    """
    scans, at = 0, len(_JPEG) if data.startswith(_JPEG) else len(data)
    while (found := _MARKER.search(data, at)) and scans <= MAX_SCANS:
        marker, at = found[1][0], found.end()
        if marker == _END:
            break
        scans += marker == _SCAN
        if marker not in _BARE:
            at += int.from_bytes(data[at : at + 2])  # a segment says how long it is
    return scans


def squared(image: Image.Image, size: int = AVATAR_SIDE) -> Image.Image:
    """The middle of `image` as a square of `size` by `size` pixels."""
    return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)


def within(image: Image.Image, longest: int) -> Image.Image:
    """All of `image`, made smaller if its longest side has more than `longest` pixels."""
    if max(image.size) <= longest:
        return image
    width, height = (max(1, round(side * longest / max(image.size))) for side in image.size)
    # In two steps of which the first is rough, or a large picture would take seconds.
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def webp_bytes(image: Image.Image) -> bytes:
    """`image` as a WebP without metadata."""
    image.info.clear()
    out = BytesIO()
    image.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()
