"""The first seconds on a bare machine: what the system's Python does before anything is installed."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path

import pytest

from app.config import ROOT
from app.run import bootstrap


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The programs that bootstrap ran on a project of its own; none is really run."""
    programs: list[str] = []
    for lock in bootstrap.LOCKS.values():
        (tmp_path / lock).write_text("flask==3\n")

    def pretend(command: list[str]) -> bool:
        programs.append("venv" if "venv" in command else "pip")
        if programs[-1] == "venv":
            (tmp_path / ".venv/bin").mkdir(parents=True)
            (tmp_path / ".venv/bin/python").symlink_to("/bin/true")
        return True

    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "quietly", pretend)
    return programs


def prepare(kind: str = "runtime") -> int:
    return bootstrap.prepare(bootstrap.ROOT / ".venv", kind)


def test_old_python_gets_an_error_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    assert bootstrap.main([]) == 1
    assert capsys.readouterr().err == (
        "Microblog needs Python 3.11 or newer, and this is 3.9: name another one, as in `make run PYTHON=python3.11`.\n"
    )


def test_bootstrap_file_can_be_parsed_by_an_old_python() -> None:
    ast.parse((ROOT / "app/run/bootstrap.py").read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_missing_venv_module_gets_an_error_message(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else find(name))
    assert bootstrap.why_not() == (
        "This Python lacks its `venv` module: install it (on Debian and Ubuntu: apt install python3-venv)"
        " and run the same command again."
    )


def test_packages_are_installed_once_and_again_after_a_lock_change(ran: list[str]) -> None:
    assert prepare() == 0
    assert ran == ["venv", "pip"]
    assert prepare() == 0
    assert ran == ["venv", "pip"]
    (bootstrap.ROOT / "requirements.txt").write_text("flask==4\n")
    prepare()
    assert ran[2:] in (["pip"], ["venv", "pip"])


def test_development_packages_satisfy_the_runtime_lock(ran: list[str]) -> None:
    prepare("dev")
    ran.clear()
    prepare("runtime")
    assert ran == []


def test_interrupted_installation_is_repaired(ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    ran.clear()
    (bootstrap.ROOT / ".venv/bin/python").unlink()  # a venv half made, or of a Python that was removed
    prepare()
    assert ran == ["venv", "pip"]
    (bootstrap.ROOT / "requirements.txt").write_text("flask==4\n")
    monkeypatch.setattr(bootstrap, "quietly", lambda command: False)
    assert prepare() == 1
    assert not (bootstrap.ROOT / ".venv/.installed.json").exists()


def test_changed_python_version_rebuilds_the_venv(ran: list[str]) -> None:
    prepare()
    stamp = bootstrap.ROOT / ".venv/.installed.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "3.10"}))
    ran.clear()
    prepare()
    assert "pip" in ran


@pytest.mark.parametrize("lock", bootstrap.LOCKS.values())
def test_lock_files_contain_hashes_and_no_host_names(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    pinned = [line for line in lines if line[:1].isalnum()]
    assert all("==" in line for line in pinned)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)
    packages = [line for line in lines if not line.startswith("#")]
    assert not [line for line in packages if "://" in line or "file:" in line or line.startswith("-")]
