"""Where exports lie until their owner has fetched them. Only the site serves these files, never a web server."""

from __future__ import annotations

from flask import current_app

from app.media import Storage


def exports() -> Storage:
    """The store of finished exports, in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "exports")
