"""Convert an image in a decoder process. This module imports neither the app nor Pillow."""

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
"""Seconds to wait for a decoder. Its own limit is in CPU time, which a busy machine may take long to grant."""

# The package is imported as `media`: as `app.lib.media` it would import the whole app, which takes three seconds. Its
# parent directory comes last in the path, so that the app's modules shadow no library.
_START = "import sys; sys.path.append(sys.argv[1]); from media.decoder_process import main; main()"
_PARENT = str(Path(__file__).resolve().parent.parent)
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG")  # no secrets


class DecoderFailed(RuntimeError):
    """The decoder could not run, or got no CPU time. The image may be valid; try again later."""


class Picture(NamedTuple):
    """A converted image."""

    data: bytes  # WebP, sRGB, without metadata
    width: int  # pixels
    height: int
    pixels: int  # of the upload


def make_picture(data: bytes, shape: Shape, *, seconds: int, max_bytes: int = MAX_BYTES) -> Picture:
    """Convert an uploaded image to a WebP of the given shape, in at most `seconds` of CPU time.

    Raises InvalidImage if the image is not accepted, and DecoderFailed if the cause is not the image.
    """
    if not data:
        raise InvalidImage("empty")
    if len(data) > max_bytes:
        raise InvalidImage("bytes")
    if not format_of(data):
        raise InvalidImage("format")
    arguments = [str(seconds), str(MAX_PIXELS), shape.kind, str(shape.side)]
    try:
        # -I: neither the environment nor the working directory affects what is imported. If this process dies, the
        # decoder reads end of file, and stops at the latest when its CPU time is used up.
        ended = subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, "-I", "-c", _START, _PARENT, *arguments],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries write warnings about damaged tags there
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
