"""Images within the limits, checked in this process; what the decoder process adds is in test_decoder_process.py."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from contextlib import suppress
from io import BytesIO

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from app.lib.media import AVATAR, PHOTO, InvalidImage, Shape, make_picture
from app.lib.media.decoding import Converted, convert
from app.lib.media.rules import MAX_BYTES, MAX_PIXELS

SOURCE = Shape("within", MAX_PIXELS)  # as large as it came


pillow_heif.register_heif_opener()


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def picture(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert(mode)


def decoded(data: bytes, shape: Shape = SOURCE) -> Image.Image:
    """What is stored of an upload."""
    return stored(convert(data, shape))


def stored(converted: Converted) -> Image.Image:
    with Image.open(BytesIO(converted.data)) as image:
        image.load()
    assert image.format == "WEBP" and image.size == (converted.width, converted.height)
    assert not {"exif", "icc_profile", "xmp"} & set(image.info)
    return image


def refusal(data: bytes, max_pixels: int = MAX_PIXELS) -> str:
    with pytest.raises(InvalidImage) as caught:
        convert(data, AVATAR, max_pixels)
    return caught.value.code


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" * ((width + 7) // 8 + 1)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "LA"),
     ("PNG", "1"), ("PNG", "I;16"), ("GIF", "P"), ("GIF", "L"), ("WEBP", "RGB"), ("WEBP", "RGBA"), ("AVIF", "RGB"),
     ("AVIF", "RGBA"), ("HEIF", "RGB"), ("HEIF", "RGBA")],
)  # fmt: skip
def test_every_image_format_and_mode_is_accepted(kind: str, mode: str) -> None:
    data = encoded(picture(mode), kind)
    image = decoded(data)
    assert image.mode in {"RGB", "RGBA"} and image.size == (60, 40)
    assert decoded(data, AVATAR).size == (400, 400)


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "ICO", "PPM", "TGA", "PDF", "JPEG2000"])
def test_other_image_formats_are_rejected(kind: str) -> None:
    assert refusal(encoded(picture(), kind)) == "format"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "format"), (b"\0", "format"),
        (b"<html><script>alert(1)</script>", "format"), (b"GIF89a<script>", "format"), (b"%PDF-1.7", "format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "format"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "format"),
    ],
)  # fmt: skip
def test_file_that_is_not_an_image_is_rejected(data: bytes, code: str) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize(("data", "code"), [(b"", "empty"), (b"x" * (MAX_BYTES + 1), "bytes")])
def test_empty_and_oversized_files_are_rejected(data: bytes, code: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        make_picture(data, AVATAR, seconds=1)
    assert caught.value.code == code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF"])
def test_truncated_image_is_rejected(kind: str) -> None:
    data = encoded(Image.effect_noise((200, 200), 90).convert("RGB"), kind)
    assert refusal(data[: len(data) // 2]) in {"broken", "format"}


@pytest.mark.parametrize(
    ("width", "height"), [(13_000, 13_000), (30_000, 30_000), (1, 50_000), (50_000, 1), (5001, 5000)]
)
def test_decompression_bombs_are_rejected_without_decoding(width: int, height: int) -> None:
    data = png_bomb(width, height)
    assert len(data) < MAX_BYTES
    tracemalloc.start()
    start = time.process_time()
    assert refusal(data) == "pixels"
    assert time.process_time() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_webp_header_with_a_huge_size_is_rejected() -> None:
    tiny = encoded(picture(), "WEBP", lossless=True)[12:]
    side = (16_383 - 1).to_bytes(3, "little")
    frame = b"\0" * 6 + (59).to_bytes(3, "little") + (39).to_bytes(3, "little") + b"\0" * 4 + tiny
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + side + side
    body += b"ANIM" + struct.pack("<IIH", 6, 0, 0) + b"ANMF" + struct.pack("<I", len(frame)) + frame
    assert refusal(b"RIFF" + struct.pack("<I", len(body)) + body) == "pixels"


def test_gif_frame_larger_than_its_header_is_rejected() -> None:
    data = bytearray(encoded(picture("P"), "GIF"))
    at = data.index(b"\x2c\0\0\0\0")
    data[at + 5 : at + 9] = struct.pack("<HH", 65_535, 65_535)
    assert refusal(bytes(data)) in {"pixels", "broken", "format"}


def test_caller_can_set_image_limits() -> None:
    data = encoded(picture(), "PNG")
    assert refusal(data, max_pixels=100) == "pixels"
    with pytest.raises(InvalidImage, match="bytes"):
        make_picture(data, AVATAR, seconds=1, max_bytes=10)


def test_first_frame_of_an_animation_is_used() -> None:
    frames = [Image.new("RGB", (8, 8), (red, 0, 0)) for red in (250, 0, 120)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    image = decoded(data)
    red, _, _ = image.convert("RGB").getpixel((4, 4))
    assert red > 200
    assert len(list(ImageSequence.Iterator(image))) == 1


def test_phone_photos_are_rotated_and_lose_their_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "SecretMaker"
    exif.get_ifd(0x8825)[1] = "N"
    data = encoded(picture(), "JPEG", exif=exif, comment=b"SecretComment", icc_profile=b"SecretProfile" * 20)
    assert decoded(data).size == (40, 60)
    out = convert(data, AVATAR).data
    for trace in (b"Secret", b"EXIF", b"Exif", b"ICCP", b"XMP"):
        assert trace not in out


def test_data_after_the_image_is_dropped() -> None:
    data = encoded(picture(), "JPEG") + b"<script>alert(1)</script><?php x ?>"
    assert b"script" not in convert(data, AVATAR).data


def test_image_transparency_is_kept() -> None:
    clear = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    avatar = decoded(encoded(clear, "PNG"), AVATAR)
    assert avatar.convert("RGBA").getpixel((200, 200))[3] == 0


def test_avatar_is_cropped_to_the_center() -> None:
    wide = Image.new("RGB", (300, 100), (255, 0, 0))
    wide.paste((0, 0, 255), (100, 0, 200, 100))
    avatar = decoded(encoded(wide, "PNG"), Shape("square", 64))
    red, _, blue = avatar.convert("RGB").getpixel((3, 32))
    assert avatar.size == (64, 64)
    assert blue > 200 > red


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
)
def test_damaged_images_are_decoded_or_rejected(kind: str, damage: list[tuple[float, int]]) -> None:
    data = bytearray(encoded(picture(), kind))
    for place, value in damage:
        data[int(place * (len(data) - 1))] = value
    with suppress(InvalidImage):
        convert(bytes(data), AVATAR)


def jpeg_of_many_scans(scans: int, size: tuple[int, int] = (640, 640)) -> bytes:
    """A progressive JPEG whose last, nearly empty, scan is repeated: 42 bytes for each pass over the picture."""
    data = encoded(Image.new("L", size, 128), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"


def test_jpeg_with_too_many_scans_is_rejected_quickly():
    started = time.process_time()
    assert refusal(jpeg_of_many_scans(20_000)) == "broken"
    assert time.process_time() - started < 0.5


def test_progressive_jpeg_with_trailing_data_is_accepted():
    # As phones do: a film behind the picture, whose bytes are not the picture's scans.
    data = encoded(picture(size=(300, 200)), "JPEG", progressive=True) + b"\xff\xda" * 1000
    assert decoded(data).size == (300, 200)


def test_jpeg_with_a_few_scans_is_accepted():
    assert decoded(jpeg_of_many_scans(10)).size == (640, 640)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3000, 1500), (2048, 1024)), ((1500, 3000), (1024, 2048)), ((2048, 9), (2048, 9)), ((60, 40), (60, 40)),
     ((1, 16_000), (1, 2048))],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_image_is_scaled_to_its_longest_side(mode: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert decoded(encoded(picture(mode, size), "PNG"), PHOTO).size == expected
