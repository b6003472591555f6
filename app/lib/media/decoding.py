"""Convert untrusted images: decode them within limits, convert them to sRGB, resize and re-encode them.

The file name and content type of an upload are ignored, because they may be wrong. Only the pixels are stored.
Metadata, and other data hidden in the upload such as scripts, are removed.

This module runs in the decoder process (decoder_process.py), which has limits on time and memory. Pillow's decoders are
C libraries, and have no such limits themselves.
"""

from __future__ import annotations

import importlib
import warnings
from contextlib import suppress
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageChops, ImageCms, UnidentifiedImageError

from . import containers
from .rules import MAX_PIXELS, MAX_SCANS, MAX_SIDE, InvalidImage, Shape

_ORIENTATION = 0x0112  # EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FILLER = b"\x55" * 64  # arbitrary entropy-coded data

# Pillow checks this limit itself, for decoders that find out the real size only while they open the file.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)


class Converted(NamedTuple):
    """A converted image, ready to be stored."""

    data: bytes  # WebP, sRGB, without metadata
    width: int  # pixels
    height: int
    pixels: int  # of the upload


def convert(data: bytes, shape: Shape, max_pixels: int = MAX_PIXELS) -> Converted:
    """Convert the image in `data` to a WebP in sRGB, rotated upright and resized to `shape`.

    Only the first frame of an animation is used. Raises InvalidImage if the image is not accepted.
    """
    kind = containers.format_of(data)
    if not kind:
        raise InvalidImage("format")
    pixels = 0
    try:
        image = _decoded(data, kind, shape, max_pixels)
        pixels = image.info["source_pixels"]
        small = _upright(_srgb(_resized(image, shape), image.info.get("icc_profile")), image)
        return Converted(_webp(small), small.width, small.height, pixels)
    except InvalidImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage("pixels") from error
    except MemoryError as error:
        raise InvalidImage("costly", pixels or max_pixels) from error
    except UnidentifiedImageError as error:
        raise InvalidImage("format") from error
    except Exception as error:  # decoders may raise any exception on hostile bytes
        raise InvalidImage("broken", pixels) from error


# --- Decoding


def _decoded(data: bytes, kind: str, shape: Shape, max_pixels: int) -> Image.Image:
    _load_plugin(kind)
    if kind == "PNG":
        data = containers.strip_png(data)
    elif kind == "JPEG":
        if containers.jpeg_scans(data, MAX_SCANS) > MAX_SCANS:
            raise InvalidImage("broken")
        data = containers.strip_jpeg(data)
    try:
        return _loaded(data, kind, shape, max_pixels)
    except (InvalidImage, MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception:
        if kind in {"AVIF", "HEIF"} and (rest := containers.without_exif(data)) != data:
            return _loaded(rest, kind, shape, max_pixels)
        if kind == "JPEG":
            return _without_end(data, shape, max_pixels)
        raise


def _load_plugin(kind: str) -> None:
    """Register Pillow's decoder for one format.

    By default, Pillow would import all its forty plugins, which takes 0.1 s.
    """
    if kind == "HEIF":
        heif = importlib.import_module("pillow_heif")
        heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    elif kind == "AVIF":
        # The CPU time is limited, so more threads would not help.
        importlib.import_module("PIL.AvifImagePlugin").DEFAULT_MAX_THREADS = 1  # type: ignore[attr-defined]
    elif kind == "WEBP":
        importlib.import_module("PIL.WebPImagePlugin")


def _loaded(data: bytes, kind: str, shape: Shape, max_pixels: int) -> Image.Image:
    """Decode an image, without converting its mode and colour space.

    A JPEG is decoded at a reduced size if that is large enough for `shape`. `info["source_pixels"]` of the result is
    the number of pixels of the original image.
    """
    image = Image.open(BytesIO(data), formats=[kind])
    _check_size(image, max_pixels)
    pixels = image.width * image.height
    if kind == "JPEG":
        # libjpeg decodes at a half, a quarter or an eighth of the size in a fraction of the time.
        image.draft(None, _draft_size(image.size, shape))
    image.load()
    _check_size(image, max_pixels)  # a GIF's first frame may be larger than its header says
    image.info["source_pixels"] = max(pixels, image.width * image.height)
    return image


def _check_size(image: Image.Image, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels or max(image.size) > MAX_SIDE:
        raise InvalidImage("pixels")


def _without_end(data: bytes, shape: Shape, max_pixels: int) -> Image.Image:
    """Decode a JPEG that lacks its last two bytes, the end marker. Raises OSError if more bytes are missing.

    libjpeg fills the missing part of a truncated image with arbitrary data. To detect this, the image is decoded twice,
    with different bytes appended. If both results are equal, no other part of the image is missing.
    """
    image = _loaded(data + containers.JPEG_END, "JPEG", shape, max_pixels)
    other = _loaded(data + _FILLER + containers.JPEG_END, "JPEG", shape, max_pixels)
    if ImageChops.difference(image, other).getbbox() is not None:
        raise OSError("truncated")
    return image


# --- Conversion of the decoded image


def _target(size: tuple[int, int], shape: Shape) -> tuple[int, int]:
    """Return the width and height in pixels to which an image of `size` must be resized for `shape`."""
    if shape.kind == "square":
        return shape.side, shape.side
    longest = max(size)
    if longest <= shape.side:
        return size
    width, height = (max(1, round(side * shape.side / longest)) for side in size)
    return width, height


def _draft_size(size: tuple[int, int], shape: Shape) -> tuple[int, int]:
    """Return the minimum size at which to decode a JPEG, so that the resized image is not blurred."""
    width, height = _target(size, shape)
    return round(width * 1.4), round(height * 1.4)


def _resized(image: Image.Image, shape: Shape) -> Image.Image:
    image = _eight_bits(image)
    size, box = _target(image.size, shape), None
    if shape.kind == "square":
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
    elif size == image.size:
        return image
    mode = image.mode
    if mode in {"LA", "RGBA"}:  # resize() would convert these modes itself, but then skip the fast first step
        image = image.convert({"LA": "La", "RGBA": "RGBa"}[mode])
    # `reducing_gap` adds a fast, coarse first step. Without it, a large image takes half a second.
    small = image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=1.4)
    return small if small.mode == mode else small.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert `image` to a mode that Pillow can resize and convert: L, LA, RGB, RGBA or CMYK."""
    if image.mode.startswith("I;16"):
        return _high_bytes(image)
    if image.has_transparency_data:
        return image if image.mode in {"LA", "RGBA"} else image.convert("RGBA")
    if image.mode in {"L", "RGB", "CMYK"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _high_bytes(image: Image.Image) -> Image.Image:
    """Convert a 16-bit grey image to 8 bits per pixel. Pillow's own conversion makes every value above 255 white.

    If the image has a transparent grey value, the result has an alpha channel.
    """
    raw = image.tobytes("raw", "I;16")  # least significant byte first
    grey = Image.frombytes("L", image.size, raw[1::2])
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        low = Image.frombytes("L", image.size, raw[0::2])
        grey.putalpha(ImageChops.lighter(_differs(low, clear & 255), _differs(grey, clear >> 8)))
    return grey


def _differs(image: Image.Image, value: int) -> Image.Image:
    """Return a mask for the grey image `image`: 0 for pixels that are equal to `value`, and 255 for all others."""
    return image.point([0 if grey == value else 255 for grey in range(256)])


def _srgb(image: Image.Image, profile: object) -> Image.Image:
    """Convert `image` to sRGB, as RGB or RGBA.

    `profile` is the ICC profile of the image, or None. A damaged or unsuitable profile is ignored.
    """
    alpha = image.getchannel("A") if "A" in image.getbands() else None
    if alpha is not None:
        image = image.convert(image.mode[:-1])
    if isinstance(profile, bytes):
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            image = converted or image
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _upright(image: Image.Image, source: Image.Image) -> Image.Image:
    """Rotate or flip `image` as the EXIF orientation of `source` demands. Unreadable EXIF data is ignored."""
    try:
        orientation = source.getexif().get(_ORIENTATION)
    except Exception:  # Pillow's reader may raise any exception
        return image
    transpose = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if transpose is None else image.transpose(transpose)


def _webp(image: Image.Image) -> bytes:
    _load_plugin("WEBP")
    image.info.clear()
    out = BytesIO()
    # With method 4, a photo would take 0.25 s longer, and its file would be 5 % smaller.
    image.save(out, "WEBP", quality=82, method=4 if image.width * image.height < 500_000 else 0)
    return out.getvalue()
