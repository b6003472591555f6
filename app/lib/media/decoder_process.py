"""The decoder process: converts one image from standard input to standard output, with limits on time and memory.

Each image is converted by a new Python process, which takes 0.1 s to start. The kernel enforces the limits. The process
inherits no threads or secrets. An image that crashes or exploits a decoder library affects no other image.

The input is the uploaded file. The output is one line of JSON. For an accepted image, the JSON has the keys "width",
"height" and "pixels", and the WebP file follows the line. For a refused image, the JSON has the keys "refused" (a code
of InvalidImage) and "pixels".
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
    """Read an image from standard input, convert it, and write the result to standard output.

    The command-line arguments are: CPU seconds, maximum number of pixels, kind of the shape, side of the shape in
    pixels.
    """
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
    """Limit the CPU time and memory of this process, and lower its priority.

    When the CPU time is used up, the kernel kills the process with SIGXCPU.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    os.nice(NICENESS)
    warnings.simplefilter("ignore")  # about damaged metadata


def _answer(data: bytes, shape: Shape, max_pixels: int) -> tuple[dict[str, str | int], bytes]:
    from .decoding import convert  # noqa: PLC0415  (imported under the limits)

    image = convert(data, shape, max_pixels)
    return {"width": image.width, "height": image.height, "pixels": image.pixels}, image.data
