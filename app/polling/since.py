"""Parse the `since` parameter of a poll: the newest timestamp that the client has seen."""

from __future__ import annotations

import re

# Plain ASCII decimals only: float() also accepts "1_0", "١٢", "1e3", "nan" and " 1". The limited number of digits
# excludes infinite values.
_DECIMAL = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)


def parse_since(raw: str | None) -> float:
    """Return the Unix time in `raw` in seconds; 0 if it is missing. Raises ValueError unless it is a plain decimal."""
    if raw is None:
        return 0.0
    if not _DECIMAL.fullmatch(raw):
        raise ValueError("since must be a plain decimal number of seconds")
    return float(raw)
