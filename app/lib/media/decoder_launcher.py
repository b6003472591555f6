"""Convert an image in a separate process, the decoder process.

This module runs in web processes, workers and decoder processes. It does not import Pillow, because only decoder
processes need Pillow. It does not import the app, because decoder processes must start fast.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from .containers import format_of
from .rules import MAX_BYTES, MAX_PIXELS, InvalidImage, Shape

TIMEOUT = 15.0
"""Seconds to wait for a decoder process. This is longer than its limit of CPU time, because it may wait for a CPU."""

# The package is imported as `media`, because `app.lib.media` would import the whole app, which takes three seconds. Its
# parent directory is appended to the path, so that the modules in that directory shadow no library.
_START = "import sys; sys.path.append(sys.argv[1]); from media.decoder_process import main; main()"
_PARENT = str(Path(__file__).resolve().parent.parent)
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG")  # no secrets


class DecoderFailed(RuntimeError):
    """The decoder process could not run, was killed, or did not answer in time. A retry may succeed."""


class Picture(NamedTuple):
    """A converted image."""

    data: bytes  # WebP, sRGB, without metadata
    width: int  # pixels
    height: int
    pixels: int  # of the upload


def make_picture(data: bytes, shape: Shape, *, seconds: int, max_bytes: int = MAX_BYTES) -> Picture:
    """Convert an uploaded image to a WebP of the given shape, in at most `seconds` of CPU time.

    Raises InvalidImage if the image is not accepted. Raises DecoderFailed if the conversion failed for another reason.
    """
    if not data:
        raise InvalidImage("empty")
    if len(data) > max_bytes:
        raise InvalidImage("bytes")
    if not format_of(data):
        raise InvalidImage("format")
    arguments = [str(seconds), str(MAX_PIXELS), shape.kind, str(shape.side)]
    try:
        # With -I, the environment and the working directory do not affect imports. If this process dies, the decoder
        # reads end of file and exits. It also exits when its CPU time is used up.
        ended = subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, "-I", "-c", _START, _PARENT, *arguments],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries write warnings about damaged metadata to it
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DecoderFailed(f"no answer within {TIMEOUT:g} s") from error
    except OSError as error:
        raise DecoderFailed(str(error)) from error
    return _picture(ended.returncode, ended.stdout)


def _picture(status: int, output: bytes) -> Picture:
    if status == -signal.SIGXCPU:
        raise InvalidImage("costly", MAX_PIXELS)
    if status in {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL}:
        raise InvalidImage("broken", MAX_PIXELS)
    line, _newline, content = output.partition(b"\n")
    try:
        said = json.loads(line)
    except ValueError:
        raise DecoderFailed(f"ended with status {status}") from None
    if "refused" in said:
        raise InvalidImage(said["refused"], said["pixels"])
    return Picture(content, said["width"], said["height"], said["pixels"])
