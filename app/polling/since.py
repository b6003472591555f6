"""`since`: the newest timestamp a client has seen."""

from __future__ import annotations

import re

# Plain decimal ASCII only: Python's float() also takes "1_0", "١٢", "1e3", "nan" and " 1". So few digits are finite.
_DECIMAL = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)


def parse_since(raw: str | None) -> float:
    """The Unix seconds in `raw`; 0 when it is missing. Raises ValueError when it is not a plain decimal number."""
    if raw is None:
        return 0.0
    if not _DECIMAL.fullmatch(raw):
        raise ValueError("since must be a plain decimal number of seconds")
    return float(raw)
