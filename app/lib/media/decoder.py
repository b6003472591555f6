"""The decoder process: one image from standard input to standard output, within limits on time and memory.

It is a fresh interpreter for each image. That costs 0.1 s, and in return the limits are the kernel's own, an image
that takes over or crashes a decoder library harms no other, and neither threads nor secrets are inherited.

Input: the upload's bytes, to the end. Output: one line of JSON, then the bytes of the WebP. The line is either
{"width", "height", "pixels"} or {"refused", "pixels"}.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import warnings

from .rules import MAX_MEMORY, InvalidImage, Shape

NICENESS = 5  # requests for pages come first


def main() -> None:
    """Convert the image; arguments: seconds of processor time, largest number of pixels, kind and side of the shape."""
    seconds, max_pixels, kind, side = sys.argv[-4:]
    _limit(int(seconds))
    data = sys.stdin.buffer.read()
    line: dict[str, str | int]
    try:
        line, content = _answer(data, Shape("square" if kind == "square" else "within", int(side)), int(max_pixels))
    except InvalidImage as refused:
        line, content = {"refused": refused.code, "pixels": refused.pixels}, b""
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n" + content)


def _limit(seconds: int) -> None:
    """Set the limits on this process. Past the one on time, SIGXCPU ends it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    os.nice(NICENESS)
    warnings.simplefilter("ignore")  # of damaged metadata


def _answer(data: bytes, shape: Shape, max_pixels: int) -> tuple[dict[str, str | int], bytes]:
    from .images import convert  # noqa: PLC0415  (imported under the limits)

    image = convert(data, shape, max_pixels)
    return {"width": image.width, "height": image.height, "pixels": image.pixels}, image.data
