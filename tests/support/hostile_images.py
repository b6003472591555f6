"""Images that are valid or nearly so, and cost a decoder far more than their size promises."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
HEVC_FAST = {"enc_params": {"preset": "ultrafast"}}  # for the encoder, which is slower than the decoder


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of an image."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def with_segment(jpeg: bytes, marker: int, data: bytes) -> bytes:
    """A JPEG with one more marker segment behind its first two bytes."""
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data + jpeg[2:]


def jpeg_of_scans(scans: int, size: tuple[int, int] = (640, 640)) -> bytes:
    """A progressive JPEG whose last, nearly empty, scan is repeated: 42 bytes for each pass over the image."""
    data = encoded(Image.new("L", size, 128), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * scans + b"\xff\xd9"


def jpeg_of_hidden_scans(scans: int, size: tuple[int, int] = (4000, 4000)) -> bytes:
    """The same, behind a marker FF 02 in place of a restart marker: libjpeg skips the marker and decodes the scans.

    The two bytes that follow would be the length of a segment. At most 1,500 scans fit into it.
    """
    image = Image.new("L", size, 128)
    plain = encoded(image, "JPEG", progressive=True)
    scan = plain[plain.rindex(b"\xff\xda") : -2]
    restarting = encoded(image, "JPEG", progressive=True, restart_marker_rows=1)
    begun = restarting[restarting.rindex(b"\xff\xda") :].partition(b"\xff\xd0")[0]
    no_restarts = b"\xff\xdd\0\4\0\0"
    return restarting[:-2] + begun + b"\xff\x02\xff\xff" + no_restarts + scan * scans + b"\xff\xd9"


def png_bomb(width: int, height: int, depth: int = 1, colours: int = 0) -> bytes:
    """A black PNG of any size, of a few thousand bytes; `colours` is its colour type: 0 is grey, 6 is RGBA."""
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    channels = {0: 1, 2: 3, 6: 4}[colours]
    row = b"\0" * ((width * channels * depth + 7) // 8 + 1)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_of_text_chunks(size: int = 5_000_000) -> bytes:
    """A small PNG with `size` bytes of empty text chunks."""
    text = chunk(b"tEXt", b"a\0")
    return with_chunks(encoded(Image.new("RGB", (60, 40), "red"), "PNG"), text * (size // len(text)))


def noise(side: int) -> Image.Image:
    """Square noise in colour, of tiles of 1,000 by 1,000 pixels: what costs a decoder most."""
    tile = Image.frombytes("RGB", (1000, 1000), os.urandom(3_000_000))
    image = Image.new("RGB", (side, side))
    for left in range(0, side, 1000):
        for top in range(0, side, 1000):
            image.paste(tile, (left, top))
    return image


def animation(kind: str, frames: int, size: tuple[int, int]) -> bytes:
    """An animated GIF or WebP that changes its colour with each frame."""
    first, *others = (Image.new("RGB", size, (number % 256, number // 256, 0)) for number in range(frames))
    return encoded(first, kind, save_all=True, append_images=others)
