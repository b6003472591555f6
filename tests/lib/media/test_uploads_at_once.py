"""Eight uploads at once of the worst images there are, on the real server: pages are served meanwhile."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing

import httpx2
import pytest

from app.lib.media.rules import MAX_BYTES
from tests.support import hostile_images as hostile
from tests.support.processes import Stack, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.one_database]

AT_ONCE = 8
ROUNDS = 2
LONGEST = 10.0  # seconds for a page, on a machine that is busy with other tests; on a quiet one it takes 0.1


def worst_images() -> dict[str, bytes]:
    """Images of each format that cost what an image may cost, or more."""
    noise = hostile.noise(5000)
    images = {
        "hidden scans": hostile.jpeg_of_hidden_scans(1500),
        "scans": hostile.jpeg_of_scans(60, (5000, 5000)),
        "pixels": hostile.png_bomb(5000, 5000, depth=16, colours=6),
        "text chunks": hostile.png_of_text_chunks(),
        "frames": hostile.animation("GIF", 3000, (300, 300)),
        "WebP": hostile.encoded(noise, "WEBP", quality=0, method=0),
        "AVIF": hostile.encoded(noise, "AVIF", quality=8, speed=10),
        "HEIC": hostile.encoded(noise.crop((0, 0, 3000, 3000)), "HEIF", quality=5, **hostile.HEVC_FAST),
    }
    assert {name: len(data) for name, data in images.items() if len(data) > MAX_BYTES} == {}
    return images


def test_login_page_responds_while_costly_images_are_decoded(tmp_path, database):
    images = worst_images()
    stack = Stack(tmp_path, database.copy(), WEB_THREADS="4")
    stack.start("web")
    try:
        alone, _count = slowest_login(stack, lambda: False)
        senders = [
            threading.Thread(target=send, args=(browser, images, number))
            for number, browser in enumerate(browsers(stack))
        ]
        began = time.monotonic()
        for sender in senders:
            sender.start()
        slowest, count = slowest_login(stack, lambda: any(sender.is_alive() for sender in senders))
        took = time.monotonic() - began
        assert stack.is_running("web")
    finally:
        stack.stop()
    figures = f"{count} times, slowest {slowest:.2f} s, alone {alone:.2f} s, load {os.getloadavg()[0]:.1f}"
    print(f"{AT_ONCE} uploads at once for {took:.1f} s; the login page: {figures}")  # noqa: T201  (the figure wanted)
    assert count > 1
    assert slowest < min(LONGEST, took)


def slowest_login(stack, going_on) -> tuple[float, int]:
    """Load the login page at least once, and again while `going_on()`. Return the slowest time and how often."""
    times: list[float] = []
    while not times or going_on():
        began = time.monotonic()
        # A new connection each time: either web process may answer.
        assert httpx2.get(f"{stack.base_url}/auth/login", timeout=60, trust_env=False).status_code == 200
        times.append(time.monotonic() - began)
        time.sleep(0.05)
    return max(times), len(times)


def browsers(stack: Stack) -> list[Visitor]:
    """Browsers of one person, each with connections of its own."""
    made = [Visitor(stack) for _ in range(AT_ONCE)]
    with closing(stack.person("sender")) as person:
        for browser in made:
            browser.cookies.update(person.cookies)
            browser.timeout = 120
            browser.get("/edit_profile")  # its first page in a process is slow, and not what is measured here
    return made


def send(visitor: Visitor, images: dict[str, bytes], number: int) -> None:
    """Upload one image after the other, beginning with another one than the others do."""
    contents = list(images.values())
    with closing(visitor):
        for turn in range(ROUNDS):
            data = contents[(number + turn) % len(contents)]
            answer = visitor.post_form(
                "/edit_profile", {"theme": "auto"}, files={"avatar": ("a.jpg", data, "image/jpeg")}
            )
            assert answer.status_code in {303, 422}, answer.status_code
