"""Web and workers killed while pictures are on their way: none is lost, doubled, or left without its thumbnail."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import suppress
from io import BytesIO

import httpx2
import pytest
from PIL import Image

from tests.support.poller import send_until_answered
from tests.support.ports import wait_for

pytestmark = pytest.mark.slow

READY = "tests.support.ready_worker"
SILENCE = 16  # seconds after which the scheduler takes an attempt for dead
KILLS = 3


def noise(side: int = 1000) -> bytes:
    out = BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(out, "PNG", compress_level=0)
    return out.getvalue()


def send_picture(visitor, other: str, key: str, data: bytes) -> int:
    token = re.search(r'name="csrf-token" content="([^"]+)"', visitor.get("/messages").text).group(1)
    fields = {"csrf_token": token, "form_key": key, "message": key, "alt": "noise"}
    files = {"image": ("noise.png", data, "image/png")}
    return int(visitor.post(f"/send_message/{other}", data=fields, files=files).status_code)


def stored(stack) -> set[str]:
    return {path.name for path in (stack.folder / "var" / "media" / "messages").glob("??/*.webp")}


def test_thumbnails_are_completed_after_a_worker_is_killed(stack, people, ask, moments):
    (_name, ana), (other, _ben) = people(2)
    before = stored(stack)
    stack.kill("worker-2")
    stack.restart("worker-1", module=READY)
    begun = "SELECT 1 FROM job WHERE name = 'messages.thumbnails' AND state <> 'queued' AND CAST(args AS TEXT) = :args"
    for number in range(KILLS):
        assert send_picture(ana, other, f"picture {number}", noise()) == 303
        ((message,),) = ask("SELECT max(id) FROM message")
        args = f'{{"message_id": {message}}}'
        wait_for(lambda args=args: ask(begun, args=args), seconds=30, every=0.005, why="the job to begin")
        time.sleep(moments.uniform(0, 0.3))
        for pid in stack.pids("worker-1")[1:]:
            with suppress(ProcessLookupError):  # it ended by itself just now
                os.kill(pid, signal.SIGKILL)
    stack.shift_clock(SILENCE)
    unfinished = "SELECT id FROM job WHERE name = 'messages.thumbnails' AND state <> 'done'"
    wait_for(lambda: ask(unfinished) == [], seconds=90, why="all thumbnails")
    images = ask("SELECT file, thumbnail FROM message_image")
    new, named = stored(stack) - before, {name for row in images for name in row}
    assert "" not in named and named <= stored(stack)
    assert len(new) >= 2 * KILLS
    assert len(new - named) <= KILLS  # at most the one that was being kept; a daily job removes it


def test_upload_interrupted_by_killing_web_can_be_repeated_once(stack, people, ask, moments):
    (name, ana), (other, _ben) = people(2)
    for number in range(KILLS):
        data, key = noise(), f"{name} {number}"
        sending = threading.Thread(target=try_to_send, args=(ana, other, key, data))
        sending.start()
        time.sleep(moments.uniform(0.05, 0.6))
        stack.kill("web")
        sending.join()
        stack.start_one("web")
        assert send_until_answered(lambda data=data, key=key: send_picture(ana, other, key, data)) == 303
    query = (
        "SELECT m.body, i.file FROM message m LEFT JOIN message_image i ON i.message_id = m.id WHERE m.body LIKE :key"
    )
    rows = ask(query, key=f"{name} %")
    assert sorted(body for body, _file in rows) == [f"{name} {number}" for number in range(KILLS)]
    assert {file for _body, file in rows} <= stored(stack)


def try_to_send(visitor, other: str, key: str, data: bytes) -> None:
    with suppress(httpx2.HTTPError, AttributeError):  # nobody answers: the page itself, or what was sent
        send_picture(visitor, other, key, data)
