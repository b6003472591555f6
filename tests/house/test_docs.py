"""What the documents say is held to the code: settings, commands, addresses, links between pages."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from app.config import ROOT, Settings
from tools import package_diagram

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGES.md", *sorted((ROOT / "docs").rglob("*.md"))]


def names() -> set[str]:
    return {field.name.upper() for field in fields(Settings)}


def test_every_setting_and_nothing_else_is_documented():
    rows = re.findall(r"^\| (`[A-Z].*?) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert documented == names()


def test_example_env_file_names_every_setting():
    text = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#? ?([A-Z_]+)=", text, re.MULTILINE)) == names()


def test_documented_defaults_match_the_code():
    text = (ROOT / "docs/configuration.md").read_text()
    for name, default in re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \|", text, re.MULTILINE):
        value = getattr(Settings(), name.lower())
        shown = value.name if isinstance(value, Path) else str(value)
        assert shown == default, name


def test_every_documented_make_target_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z0-9-]+)", page.read_text()))
        assert named <= targets, page.name


def test_every_documented_flask_command_exists(app):
    for page in PAGES:
        for command in re.findall(r"`flask ([a-z][a-z -]*)", page.read_text()):
            group: object = app.cli
            for word in command.split():
                commands = getattr(group, "commands", None)
                if not commands or word not in commands:
                    break
                group = commands[word]
            else:
                continue
            first = command.split()[0]
            assert first in app.cli.commands, f"{page.name}: flask {command}"


def test_every_documented_path_exists():
    for page in PAGES:
        for path in re.findall(r"`((?:app|tests|bench|docs|migrations|deploy)/[\w./-]+)`", page.read_text()):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_every_link_between_pages_works():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
        for target in re.findall(r'src(?:set)?="(?!https?:)([^"]+)"', page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} shows {target}"


def test_package_diagram_is_current():
    page = package_diagram.PAGE.read_text()
    assert package_diagram.with_diagram(page) == page, "run `make diagram` and commit docs/architecture.md"


def test_tutorial_urls_exist(app):
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    contract = [
        "/", "/index", "/explore", "/user/<username>", "/user/<username>/popup", "/edit_profile",
        "/follow/<username>", "/unfollow/<username>", "/search", "/send_message/<recipient>", "/messages",
        "/messages/<username>", "/notifications", "/export_posts", "/auth/login", "/auth/logout",
        "/auth/register", "/auth/reset_password_request", "/auth/reset_password/<token>", "/auth/confirm/<token>",
    ]  # fmt: skip
    assert set(contract) <= rules
