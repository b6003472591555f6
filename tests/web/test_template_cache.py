"""Compiled templates outlive their process, and no state of their folder breaks a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import Environment

from app.web import template_cache

pytestmark = pytest.mark.one_database


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the templates that were compiled."""
    names: list[str] = []
    compile_template = Environment.compile

    def noted(self: Environment, source: Any, name: str | None = None, *arguments: Any, **options: Any) -> Any:
        names.append(str(name))
        return compile_template(self, source, name, *arguments, **options)

    monkeypatch.setattr(Environment, "compile", noted)
    return names


@pytest.fixture
def start(make_app: Callable[..., Flask], compiled: list[str], tmp_path: Path) -> Callable[..., list[str]]:
    """Start an app whose DATA_DIR is `tmp_path`, show its login page, and return what it compiled for that."""

    def started(**settings: Any) -> list[str]:
        compiled.clear()
        answer = (
            make_app(data_dir=tmp_path, **settings).test_client().get("/auth/login", base_url="http://microblog.test")
        )
        assert answer.status_code == 200
        assert 'name="password"' in answer.text
        return list(compiled)

    return started


def test_next_process_compiles_no_template_again(start: Callable[..., list[str]]) -> None:
    assert "layout.html" in start()
    assert start() == []


def test_templates_are_compiled_again_after_the_code_is_changed(
    start: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "filters.py").write_text("old")
    monkeypatch.setattr(template_cache, "CODE", code)
    first = start()
    assert start() == []
    (code / "filters.py").write_text("newer")
    assert start() == first
    assert start() == []


@pytest.mark.parametrize("kept", [0, 30, 200])
def test_damaged_files_are_replaced(start: Callable[..., list[str]], tmp_path: Path, kept: int) -> None:
    first = start()
    for path in (tmp_path / "templates").iterdir():
        path.write_bytes(path.read_bytes()[:kept] + b"damaged")
    assert start() == first
    assert start() == []


def test_file_that_another_key_has_signed_is_not_run(start: Callable[..., list[str]], tmp_path: Path) -> None:
    """As the file of an attacker who can write to DATA_DIR."""
    first = start(secret_key="another secret that is long enough")
    assert start() == first
    stored = sorted((tmp_path / "templates").iterdir())
    stored[0].write_bytes(stored[1].read_bytes())  # signed, but for another template
    assert len(start()) == 1


def test_lock_file_of_an_editor_does_not_stop_the_start(
    start: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / ".#filters.py").symlink_to("nobody@nowhere:1")
    (code / "gone.py").symlink_to("nothing")
    monkeypatch.setattr(template_cache, "CODE", code)
    assert start()
    assert start() == []


def test_pages_are_shown_without_a_writable_folder(start: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("not a folder")
    assert start()
    assert start()
