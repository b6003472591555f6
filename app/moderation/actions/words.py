"""What reporters and moderators write: up to a thousand characters."""

from __future__ import annotations

from app.core.validation import checked_body
from app.lib.text.rich import is_blank

MOST = 1_000  # characters


def checked(text: str, *, needed: bool = True) -> str:
    """`text` as it is stored; "" only when it is not `needed`. Raises Refused."""
    return "" if is_blank(text) and not needed else checked_body(text, MOST)
