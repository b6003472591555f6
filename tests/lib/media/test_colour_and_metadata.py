"""Colours arrive as the sender saw them, and bad metadata never makes an image unreadable."""

from __future__ import annotations

import os
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.lib.media import AVATAR, InvalidImage
from app.lib.media.decoding import convert
from tests.support.colour_profiles import display_p3, strange_cmyk
from tests.support.hostile_images import chunk, encoded, with_chunks, with_segment

# The decoder process ignores what Pillow warns of, such as "Corrupt EXIF data".
pytestmark = pytest.mark.filterwarnings("ignore")

P3_RED = (234, 51, 35)  # the red of sRGB, in Display P3


def pixel(data: bytes, at: tuple[int, int] = (200, 200)) -> tuple[int, ...]:
    with Image.open(BytesIO(convert(data, AVATAR).data)) as image:
        return image.getpixel(at)


def is_near(colour: tuple[int, ...], wanted: tuple[int, ...], by: int = 8) -> bool:
    return all(abs(one - other) <= by for one, other in zip(colour, wanted, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_wide_gamut_image_is_converted_to_srgb(kind: str) -> None:
    options = {"PNG": {}, "WEBP": {"lossless": True}, "HEIF": {"quality": 95, "chroma": 444}}
    best = options.get(kind, {"quality": 100, "subsampling": "4:4:4"})
    data = encoded(Image.new("RGB", (80, 80), P3_RED), kind, icc_profile=display_p3(), **best)
    assert is_near(pixel(data), (255, 0, 0)), pixel(data)


def test_transparency_survives_color_conversion() -> None:
    data = encoded(Image.new("RGBA", (80, 80), (*P3_RED, 128)), "PNG", icc_profile=display_p3())
    red, green, blue, alpha = pixel(data)
    assert is_near((red, green, blue), (255, 0, 0)) and abs(alpha - 128) < 3


def test_cmyk_image_is_converted_with_its_profile() -> None:
    cyan = Image.new("CMYK", (80, 80), (255, 0, 0, 0))
    _red, green, blue = pixel(encoded(cyan, "JPEG", icc_profile=strange_cmyk(), quality=95))
    assert green > blue and blue < 60
    assert pixel(encoded(cyan, "JPEG", quality=95))[2] > 200


@pytest.mark.parametrize(
    "profile", [b"\0" * 200, display_p3()[:150], display_p3().replace(b"RGB ", b"GRAY"), b"x" * 70_000]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_invalid_color_profile_is_ignored(kind: str, profile: bytes) -> None:
    assert is_near(pixel(encoded(Image.new("RGB", (80, 80), (30, 90, 200)), kind, icc_profile=profile)), (30, 90, 200))


def test_sixteen_bit_gray_image_keeps_its_shades() -> None:
    ramp = Image.frombytes("I;16", (256, 1), bytes(byte for grey in range(256) for byte in (7, grey))).resize(
        (400, 400)
    )
    data = encoded(ramp, "PNG")
    assert pixel(data, (4, 200))[0] < 20
    assert 115 < pixel(data)[0] < 140
    assert pixel(data, (395, 200))[0] > 235


def test_only_the_transparent_gray_of_a_16_bit_image_is_transparent() -> None:
    grey = Image.frombytes("I;16", (2, 1), bytes((7, 200, 8, 200))).resize((400, 400), Image.Resampling.NEAREST)
    data = with_chunks(encoded(grey, "PNG"), chunk(b"tRNS", bytes((200, 7))))
    assert pixel(data, (40, 200))[3] < 30 and pixel(data, (360, 200))[3] > 225


EXIF_JUNK = [b"Exif\0\0" + b"\x9d" * 35, b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 300]


@pytest.mark.parametrize("junk", EXIF_JUNK)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_invalid_exif_is_ignored(kind: str, junk: bytes) -> None:
    assert is_near(pixel(with_exif(kind, junk))[:3], (30, 90, 200), by=16)


def with_exif(kind: str, exif: bytes) -> bytes:
    """An image with these bytes as its EXIF data, which no encoder would write."""
    image = Image.new("RGB", (80, 80), (30, 90, 200))
    if kind == "JPEG":
        return with_segment(encoded(image, kind), 0xE1, exif)
    if kind == "PNG":
        return with_chunks(encoded(image, kind), chunk(b"eXIf", exif))
    good = Image.Exif()
    good[0x010F] = "x" * len(exif)
    data = encoded(image, kind, exif=good.tobytes())
    at = data.index(good.tobytes().removeprefix(b"Exif\0\0"))
    if data[at - 6 : at] == b"Exif\0\0":
        at -= 6
    return data[:at] + exif + data[at + len(exif) :]


@pytest.mark.parametrize(
    "junk",
    [chunk(b"zTXt", b"a\0\0" + b"\0" * 30), chunk(b"iTXt", b"\xff"), chunk(b"iCCP", b"a\0\1junk"), chunk(b"eXIf", b""),
     chunk(b"pHYs", b"\0"), chunk(b"gAMA", b""), chunk(b"cHRM", b"\0"), chunk(b"acTL", b""), chunk(b"fcTL", b"\0" * 26),
     chunk(b"eXIf", b"II")[:-1] + b"?", chunk(b"juNk", b"\0" * 9)[:-1] + b"?"],
)  # fmt: skip
def test_invalid_png_chunks_are_ignored(junk: bytes) -> None:
    png = encoded(Image.new("RGB", (80, 80), (30, 90, 200)), "PNG")
    assert is_near(pixel(with_chunks(png, junk)), (30, 90, 200))


def test_long_text_chunk_and_large_profile_are_accepted() -> None:
    png = encoded(Image.new("RGB", (80, 80), (30, 90, 200)), "PNG")
    packed = zlib.compress(os.urandom(3_000_000))
    with_text = with_chunks(png, chunk(b"zTXt", b"Comment\0\0" + packed))
    assert len(with_text) > 3_000_000
    assert is_near(pixel(with_text), (30, 90, 200))
    assert is_near(
        pixel(encoded(Image.new("RGB", (80, 80), (30, 90, 200)), "PNG", icc_profile=b"x" * 3_000_000)), (30, 90, 200)
    )


SEGMENT_NAMES = [
    *(b"", b"Exif\0\0", b"ICC_PROFILE\0\1\1", b"MPF\0II*\0", b"Photoshop 3.0\0", b"JFIF\0", b"Adobe"),
    b"http://ns.adobe.com/xap/1.0/\0",
]


@settings(max_examples=60)
@given(st.sampled_from([0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE]), st.binary(max_size=60), st.sampled_from(SEGMENT_NAMES))
def test_invalid_jpeg_segments_are_ignored(marker: int, junk: bytes, head: bytes) -> None:
    convert(with_segment(encoded(Image.new("RGB", (16, 16), "red"), "JPEG"), marker, head + junk), AVATAR)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_without_end_marker_is_accepted_and_half_a_jpeg_is_rejected(mode: str, progressive: bool) -> None:
    data = encoded(Image.effect_noise((200, 200), 90).convert(mode), "JPEG", progressive=progressive)
    assert convert(data[:-2], AVATAR).data == convert(data, AVATAR).data
    for cut in (len(data) // 2, 40):
        with pytest.raises(InvalidImage, match="broken"):
            convert(data[:-cut], AVATAR)
