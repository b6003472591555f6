"""Parse image files without decoding them: detect the format, count JPEG scans, and remove metadata.

Metadata is removed before Pillow opens a file. Unlike browsers, Pillow rejects images with damaged or oversized
metadata.
"""

from __future__ import annotations

import re
import zlib

JPEG_END = b"\xff\xd9"  # EOI

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_IMAGE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_METADATA = frozenset({b"iCCP", b"eXIf"})
_MOST_METADATA = 1024 * 1024  # bytes of an EXIF block or a decompressed ICC profile

_MARKER = re.compile(rb"\xff([\x01-\xfe])")  # FF 00 is not a marker: it encodes a byte FF in entropy-coded data
_SOS, _EOI = 0xDA, 0xD9
# The markers after which libjpeg reads a length: SOFn, DHT, DAC, SOS, DQT, DNL, DRI, APPn, COM. Outside a scan, libjpeg
# fails on any other marker. Within a scan, it skips the two bytes of the marker, and nothing after them.
_SEGMENTS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xDE), *range(0xE0, 0xF0), 0xFE} - {0xC8})
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})  # APPn, COM
_JPEG_METADATA = {  # metadata to keep; marker: (first bytes of the content, minimum length of the segment)
    0xE0: (b"JFIF\0", 18),
    0xE1: (b"Exif\0\0", 18),
    0xE2: (b"ICC_PROFILE\0", 18),
    0xEE: (b"Adobe", 16),
}


def format_of(data: bytes) -> str:
    """Return Pillow's name of the image format, or "" if the format is not accepted.

    The format is detected from the first bytes of the file.
    """
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
    """Return "AVIF" or "HEIF", as the brands of an ISO base media file say (ISO/IEC 14496-12, 4.3).

    Return "" if the file has no brand of these formats.
    """
    box = data[8 : min(int.from_bytes(data[:4]), 256)]
    brands = {box[at : at + 4] for at in range(0, len(box) - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"} else ""


def jpeg_scans(data: bytes, most: int) -> int:
    """Count the scans of a JPEG (ITU-T T.81, annex B). Stop counting at `most` + 1.

    The number matters because a JPEG with many scans takes long to decode.
    """
    scans, at = 0, 2
    while scans <= most and (found := _MARKER.search(data, at)):
        marker, at = found[1][0], found.end()
        if marker == _EOI:
            break
        scans += marker == _SOS
        if marker in _SEGMENTS:
            at += int.from_bytes(data[at : at + 2])
    return scans


def strip_jpeg(data: bytes) -> bytes:
    """Return a JPEG without comments, and without metadata that has no effect on how the image looks.

    Intact JFIF, Adobe and EXIF segments and ICC profiles are kept.
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


def strip_png(data: bytes) -> bytes:
    """Return a PNG without animation frames, text and other metadata.

    An ICC profile or EXIF block is kept if it is intact and smaller than 1 MiB. If a chunk is incomplete, that chunk
    and all bytes after it are returned unchanged.
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
    """Return an AVIF or HEIF file whose EXIF block is hidden from decoders, which ignore blocks of an unknown type.

    Only the type of the block is changed. The length of the file stays the same, because the file contains offsets of
    its data. The image keeps its orientation, which these formats store elsewhere.
    """
    head, mdat, body = data.partition(b"mdat")
    return head.replace(b"Exif", b"none") + mdat + body
