"""The supervisor with real processes: started, killed, stopped."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import smtplib
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from app.run.child import Child
from app.run.embedded import EmbeddedRedis
from tests.run.site import PATIENCE, RunningSite, command_of
from tests.support import ports
from tests.support.databases import Database

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads the process table in /proc"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[RunningSite]:
    url = "" if database.kind == "sqlite" else database.copy()
    running = RunningSite(tmp_path_factory.mktemp("run") / "var", DATABASE_URL=url).start()
    yield running
    if not running.has_ended():
        running.stop()


def wait_for(condition: Callable[[], object], why: str) -> None:
    ports.wait_for(condition, seconds=PATIENCE, why=why)


def get(url: str) -> httpx2.Response:
    return httpx2.get(url, timeout=20, trust_env=False)


def test_startup_message_lists_all_addresses(site: RunningSite) -> None:
    assert f"http://127.0.0.1:{site.port}" in site.said
    assert site.state["mail"] in site.said
    assert str(site.data_dir) in site.said
    assert get(f"{site.state['site']}/notifications").status_code == 401
    assert get(site.state["mail"]).status_code == 200


def test_foreign_host_header_is_rejected(site: RunningSite) -> None:
    """A page elsewhere whose name is made to point here (DNS rebinding) gets nothing."""
    for host, status in (("evil.example", 400), (f"localhost:{site.port}", 200)):
        connection = http.client.HTTPConnection("127.0.0.1", site.port)
        connection.request("GET", "/auth/login", headers={"Host": host})
        assert connection.getresponse().status == status, host
        connection.close()


def test_data_files_are_readable_by_the_owner_only(site: RunningSite) -> None:
    for name in (".", "redis", "mail", "redis/server.conf", "run.json"):
        assert (site.data_dir / name).stat().st_mode & 0o077 == 0, name


def test_more_connections_than_the_granian_default_are_served(site: RunningSite) -> None:
    """Each browser keeps its connection between two polls, and granian's own bound is 512 for each of two processes."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    browsers = 1_100
    if hard != resource.RLIM_INFINITY and hard < browsers + 200:
        pytest.skip("this machine lets no process open so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as open_connections:
        for number in range(browsers):
            connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
            open_connections.callback(connection.close)
            connection.request("GET", "/notifications")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 401, number


def test_email_is_caught_and_shown(site: RunningSite) -> None:
    smtp_port = int(command_of(site.pid_of("mail_sink")).split()[-2])
    with smtplib.SMTP("127.0.0.1", smtp_port, timeout=20) as smtp:
        smtp.sendmail("from@example.org", ["ana@example.org"], b"Subject: Hello\r\n\r\nA line.\r\n")
    (caught,) = get(f"{site.state['mail']}/messages.json?to=ana@example.org").json()
    assert (caught["subject"], caught["text"].strip()) == ("Hello", "A line.")


@pytest.mark.parametrize(
    ("words", "name"),
    [("granian", "web"), ("worker.py mail", "worker"), ("mail_sink", "mail"), ("-server 127.0.0.1:", "redis")],
)
def test_killed_child_process_is_restarted(site: RunningSite, words: str, name: str) -> None:
    before = site.pid_of(words)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: f"{name} was killed by SIGKILL; starting it again in 0.5 s." in site.said, "the word of it")
    wait_for(lambda: any(words in said and pid != before for pid, said in site.processes().items()), "its return")
    wait_for(lambda: _answers(f"{site.state['site']}/notifications"), "the site")


def _answers(url: str) -> bool:
    try:
        return get(url).status_code == 401
    except httpx2.TransportError:
        return False


def test_second_site_on_the_same_data_directory_is_rejected(site: RunningSite) -> None:
    second = RunningSite(site.data_dir)
    second.log = site.data_dir.with_name("second.log")
    second.launch()
    wait_for(second.has_ended, "the refusal")
    assert second.process
    assert second.process.returncode == 1
    assert second.said == (
        f"Microblog already uses {site.data_dir}, at {site.state['site']}."
        " Stop it, or set DATA_DIR to another directory.\n"
    )


def test_sigterm_stops_all_processes_and_redis_last(site: RunningSite) -> None:
    alive = site.processes()
    redis = site.pid_of("-server 127.0.0.1:")
    assert site.process
    site.process.send_signal(signal.SIGTERM)
    while not site.has_ended():
        left = [command for pid, command in alive.items() if pid != redis and command_of(pid)]
        if not command_of(redis):
            assert left == []
        time.sleep(0.005)
    assert site.process.returncode == 0
    assert [command for pid, command in alive.items() if command_of(pid)] == []
    assert not site.state


def test_killed_supervisor_leaves_no_processes(tmp_path: Path) -> None:
    site = RunningSite(tmp_path / "var").start()
    alive = site.processes()
    assert len(alive) >= 7
    assert site.process
    site.process.kill()
    site.process.wait()
    wait_for(lambda: not any(command_of(pid) for pid in alive), "the last process to end")


def test_occupied_port_gets_an_error_message(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        site = RunningSite(tmp_path / "var", PORT=str(port))
        site.launch()
        wait_for(site.has_ended, "the refusal")
    assert site.process
    assert site.process.returncode == 1
    assert site.said == (
        f"Another program uses port {port}. Stop it, or choose another port, as in `make run PORT=5050`.\n"
    )


def test_invalid_settings_get_an_error_message(tmp_path: Path) -> None:
    site = RunningSite(tmp_path / "var", POLL_INTERVAL="soon")
    site.launch()
    wait_for(site.has_ended, "the refusal")
    assert site.said == "Invalid settings: POLL_INTERVAL must be a whole number, 0 or more.\n"


def test_failing_redis_gets_an_error_message(tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "valkey-server"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    site = RunningSite(tmp_path / "var", PATH=f"{broken.parent}:{os.environ['PATH']}")
    site.launch()
    wait_for(site.has_ended, "the refusal")
    assert site.said.splitlines()[-1] == (
        f"The embedded Redis doesn't start. See {tmp_path}/var/redis/server.log, or set REDIS_URL to another one."
    )


def test_data_directory_may_have_any_name(tmp_path: Path) -> None:
    """What Redis reads is quoted, and a name may hold quotes too."""
    folder = tmp_path / """my "blog's" d\u00e9j\u00e0 \\x41 %d"""
    folder.mkdir()
    redis = EmbeddedRedis(folder / "redis")
    redis.prepare()
    assert _becomes_ready(redis)


def test_unreadable_redis_data_is_set_aside(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    redis.prepare()
    (tmp_path / "redis/appendonlydir").mkdir()
    (tmp_path / "redis/appendonlydir/appendonly.aof.manifest").write_text("damaged\n")
    assert not _becomes_ready(redis)
    aside = redis.set_data_aside()
    assert _becomes_ready(redis)
    assert (aside / "appendonlydir").exists()


def _becomes_ready(redis: EmbeddedRedis) -> bool:
    process = redis.child.start(os.environ)
    ready = redis.wait_until_ready()
    redis.child.kill()
    if process.stdout:
        process.stdout.close()
    return ready


def test_restart_delay_increases_up_to_a_limit() -> None:
    child = Child("it", ["true"])
    child._started_at = time.monotonic()
    assert [child.plan_restart() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    child._started_at = time.monotonic() - 31
    assert child.plan_restart() == 0.5
