"""The `since` parameter: the newest timestamp that a client has seen."""

from __future__ import annotations

import re

# Plain ASCII decimals only: float() also accepts "1_0", "١٢", "1e3", "nan" and " 1". With so few digits the value is
# finite.
_DECIMAL = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)


def parse_since(raw: str | None) -> float:
    """Return the Unix seconds in `raw`; 0 if it is missing. Raises ValueError if it is not a plain decimal number."""
    if raw is None:
        return 0.0
    if not _DECIMAL.fullmatch(raw):
        raise ValueError("since must be a plain decimal number of seconds")
    return float(raw)
