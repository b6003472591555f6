"""Form keys: what makes a double click, a browser's retry or two tabs one row."""

from __future__ import annotations

import secrets


def new_form_key() -> str:
    """A key for one rendering of a form: whatever comes back with it counts once."""
    return secrets.token_urlsafe(12)
