"""Command-line groups: `flask translate`, `flask demo`."""

from __future__ import annotations

from flask import Flask

from app.web.translate_cli import translate


def init_app(app: Flask) -> None:
    """Register the groups."""
    app.cli.add_command(translate)
