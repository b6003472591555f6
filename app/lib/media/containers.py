"""Image files as bytes: detect the format, count JPEG scans, and remove unneeded metadata.

Browsers ignore damaged or oversized metadata, but Pillow refuses the whole image. So it is removed before Pillow opens
the file.
"""

from __future__ import annotations

import re
import zlib

JPEG_END = b"\xff\xd9"  # EOI

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_IMAGE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_METADATA = frozenset({b"iCCP", b"eXIf"})
_MOST_METADATA = 1024 * 1024  # bytes of a decompressed ICC profile

_MARKER = re.compile(rb"\xff([\x01-\xfe])")  # in entropy-coded data, FF 00 stands for FF
_SOS, _EOI = 0xDA, 0xD9
# The markers that libjpeg reads with a length: SOFn, DHT, DAC, SOS, DQT, DNL, DRI, APPn, COM. On any other marker it
# fails, or within a scan it skips only the marker, so the bytes after it count.
_SEGMENTS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xDE), *range(0xE0, 0xF0), 0xFE} - {0xC8})
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})  # APPn, COM
_JPEG_METADATA = {  # marker: how its content begins, and the fewest bytes of the segment
    0xE0: (b"JFIF\0", 18),
    0xE1: (b"Exif\0\0", 18),
    0xE2: (b"ICC_PROFILE\0", 18),
    0xEE: (b"Adobe", 16),
}


def format_of(data: bytes) -> str:
    """Return the format by the first bytes, as Pillow names it; "" if it is not accepted."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(_PNG):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _brand(data)
    return ""


def _brand(data: bytes) -> str:
    """Return the format of an ISO base media file, by its brands (ISO/IEC 14496-12, 4.3)."""
    box = data[8 : min(int.from_bytes(data[:4]), 256)]
    brands = {box[at : at + 4] for at in range(0, len(box) - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"} else ""


def jpeg_scans(data: bytes, most: int) -> int:
    """Count the scans of a JPEG up to its end (ITU-T T.81, annex B). Counting stops after `most` + 1."""
    scans, at = 0, 2
    while scans <= most and (found := _MARKER.search(data, at)):
        marker, at = found[1][0], found.end()
        if marker == _EOI:
            break
        scans += marker == _SOS
        if marker in _SEGMENTS:
            at += int.from_bytes(data[at : at + 2])
    return scans


def jpeg_essentials(data: bytes) -> bytes:
    """Remove the application segments and comments from a JPEG header that do not affect how the image looks.

    JFIF, Adobe, EXIF and the ICC profile are kept.
    """
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] in _SEGMENTS and data[at + 1] != _SOS:
        marker, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker in _METADATA:
            name, shortest = _JPEG_METADATA.get(marker, (b"", 0xFFFF))
            if data.startswith(name, at + 4) and end - at >= shortest:
                kept.append(data[at:end])
        else:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])


def png_essentials(data: bytes) -> bytes:
    """Remove the text and other ancillary chunks from a PNG; of an animation, keep the still image.

    An ICC profile or EXIF block is kept if it is intact and of a reasonable size. Everything from the first
    incomplete chunk on is left to the decoder.
    """
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(data):
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            break
        chunk = data[at:end]
        if kind in _PNG_IMAGE or (kind in _PNG_METADATA and _is_intact(kind, chunk)):
            kept.append(chunk)
        at = end
        if kind == b"IEND":
            return b"".join(kept)
    return b"".join([*kept, data[at:]])


def _is_intact(kind: bytes, chunk: bytes) -> bool:
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
        return False
    if kind != b"iCCP":
        return len(chunk) < _MOST_METADATA
    _name, _zero, packed = chunk[8:-4].partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed[1:], _MOST_METADATA)
    except zlib.error:
        return False
    return packed[:1] == b"\0" and unpacker.eof


def without_exif(data: bytes) -> bytes:
    """Mark the EXIF block of an AVIF or HEIF file as an item of unknown type, which readers ignore.

    No byte moves. The orientation is kept, as these formats store it elsewhere.
    """
    head, mdat, body = data.partition(b"mdat")
    return head.replace(b"Exif", b"none") + mdat + body
