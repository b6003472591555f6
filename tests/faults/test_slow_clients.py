"""Clients that send slowly, too much or nothing, against the real server: others do not notice."""

from __future__ import annotations

import http.client
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.web.request_buffering import PER_ADDRESS
from tests.support.ports import wait_for
from tests.support.processes import Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="stalled connections are found by TCP_INFO"),
]

POST = b"POST /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory, database):
    """A site whose bodies have three seconds, and whose requests have four threads."""
    made = Stack(tmp_path_factory.mktemp("slow"), database.copy(), BODY_TIMEOUT="3", WEB_THREADS="4")
    made.start("web")
    yield made
    made.stop()


@pytest.fixture
def connect(stack):
    """Open a connection and send something on it."""
    with ExitStack() as opened:

        def send(data: bytes) -> socket.socket:
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=30))
            connection.sendall(data)
            return connection

        yield send


def status(stack, method="GET", path="/auth/login", body=None, headers=None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def form(stack) -> int:
    """400 is the app's answer to a form without its token: it has read the body."""
    return status(stack, "POST", body="a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})


def answer_on(connection) -> bytes:
    """What comes until the server closes it."""
    said = b""
    try:
        while data := connection.recv(65536):
            said += data
    except ConnectionResetError:
        pass
    return said


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_half_sent_bodies_block_no_one_and_time_out(stack, connect, expect):
    halves = [connect(POST + expect + b"Content-Length: 1000\r\n\r\n" + b"a" * (0 if expect else 9)) for _ in range(24)]
    assert status(stack) == 200
    assert form(stack) == 400
    assert [answer_on(one).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")[:12] for one in halves] == [b""] * 24
    assert form(stack) == 400


def test_slow_upload_times_out_and_steady_upload_is_accepted(stack, connect):
    """Both take longer than BODY_TIMEOUT; the second brings more than 8 kB a second."""
    slow = connect(POST + b"Content-Length: 1000000\r\n\r\n")
    steady = connect(POST + b"Content-Length: 150000\r\nConnection: close\r\n\r\na=")
    sent, is_open, began = 2, True, time.monotonic()
    while sent < 150_000:
        steady.sendall(b"b" * 10_000)
        sent = min(sent + 10_000, 150_000)
        try:
            slow.sendall(b"c")
        except OSError:
            is_open = False
        if sent + 10_000 > 150_000:
            steady.sendall(b"b" * (150_000 - sent))
            break
        time.sleep(0.5)
    assert time.monotonic() - began > 6
    assert answer_on(steady).startswith(b"HTTP/1.1 400")
    assert not is_open or answer_on(slow) == b""


def test_pages_work_while_slow_uploads_occupy_all_readers(stack, connect):
    halves = [connect(POST + b"Content-Length: 1000\r\n\r\na") for _ in range(2 * PER_ADDRESS + 20)]
    wait_for(lambda: form(stack) == 503, seconds=20, why="all readers to be taken")
    assert status(stack) == 200
    wait_for(lambda: form(stack) == 400, seconds=30, why="the late ones to be ended")
    assert halves


def test_oversized_headers_are_rejected(stack, connect):
    for headers in (b"X: " + b"a" * 400_000, b"".join(b"X%d: %s\r\n" % (n, b"a" * 900) for n in range(40))):
        connection = connect(b"")
        try:
            connection.sendall(b"GET /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + b"\r\n\r\n")
        except OSError:
            continue  # closed before all was sent
        assert answer_on(connection).startswith((b"HTTP/1.1 431", b"")), headers[:9]
        assert status(stack) == 200


def test_half_sent_headers_occupy_no_thread(stack, connect):
    halves = [connect(b"GET /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ") for _ in range(60)]
    assert status(stack) == 200
    assert form(stack) == 400
    assert halves


def test_truncated_body_is_rejected(stack, connect):
    """Half of a form can be a good form, with another meaning."""
    broken = connect(POST + b"Content-Length: 1000\r\n\r\nusername=ana")
    broken.shutdown(socket.SHUT_WR)
    assert answer_on(broken)[:12] in {b"", b"HTTP/1.1 400"}
    for body in (b"3\r\na=b\r\n0\r\n\r\n", b"3\r\na=b\r\n"):
        chunked = connect(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        assert answer_on(chunked).startswith(b"HTTP/1.1 411")


def test_temporary_files_of_request_bodies_are_closed(stack):
    def opened() -> int:
        return sum(1 for pid in stack.pids("web") for _ in Path(f"/proc/{pid}/fd").iterdir())

    body = b"a=" + b"b" * 900_000
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status(stack, "POST", body=body, headers=headers)
    before = opened()
    for _ in range(20):
        assert status(stack, "POST", body=body, headers=headers) in {400, 413}
    wait_for(lambda: opened() <= before + 4, seconds=20, why="the files to be closed")
