"""The decoder process: converts one image from standard input to standard output, with limits on time and memory.

Each image is converted by a new Python process, which costs 0.1 s. The kernel enforces the limits. The process inherits
no threads or secrets. An image that crashes or exploits a decoder library affects no other image.

Input: the bytes of the upload, until end of file. Output: one line of JSON, then the bytes of the WebP. The line is
either {"width", "height", "pixels"} or {"refused", "pixels"}.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import warnings

from .rules import MAX_MEMORY, InvalidImage, Shape

NICENESS = 5  # page requests have priority


def main() -> None:
    """Convert the image. The arguments are: CPU seconds, maximum number of pixels, kind and side of the shape."""
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
    """Limit the CPU time, memory and priority of this process. SIGXCPU ends it when the CPU time is used up."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    os.nice(NICENESS)
    warnings.simplefilter("ignore")  # about damaged metadata


def _answer(data: bytes, shape: Shape, max_pixels: int) -> tuple[dict[str, str | int], bytes]:
    from .images import convert  # noqa: PLC0415  (imported under the limits)

    image = convert(data, shape, max_pixels)
    return {"width": image.width, "height": image.height, "pixels": image.pixels}, image.data
