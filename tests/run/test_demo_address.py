"""`make demo` says where the site is that runs on the same data."""

from __future__ import annotations

import os

import pytest

from app.run import __main__ as command
from app.run import prepare


class Became(Exception):
    """What the process became, with its environment."""


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """`python -m app.run demo`, up to the moment when it becomes `flask demo`; gives back its PUBLIC_URL."""
    for name in ("PORT", "PUBLIC_URL", "REDIS_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever the command sets
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def become(_program, arguments):
        raise Became(arguments[-1])

    monkeypatch.setattr(os, "execv", become)

    def run():
        with pytest.raises(Became, match="demo"):
            command.main(["demo"])
        return os.environ.get("PUBLIC_URL")

    return run


def test_demo_uses_the_address_of_the_running_site(demo, tmp_path):
    prepare.write_state(tmp_path, site="http://127.0.0.1:8123", redis_url="redis://127.0.0.1:1/0")
    assert demo() == "http://127.0.0.1:8123"


def test_configured_public_url_is_kept(demo, tmp_path, monkeypatch):
    prepare.write_state(tmp_path, site="http://127.0.0.1:8123")
    monkeypatch.setenv("PUBLIC_URL", "http://blog.example.org")
    assert demo() == "http://blog.example.org"
