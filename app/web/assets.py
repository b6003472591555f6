"""Static files."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Serve them."""
    app.jinja_env.globals["asset"] = lambda path: f"/static/{path}"
