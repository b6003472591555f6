"""Where uploaded pictures lie."""

from __future__ import annotations

from flask import current_app

from app.lib.media import Storage


def storage() -> Storage:
    """The store of uploaded pictures, in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / "avatars")
