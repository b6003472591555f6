"""The Redis storage of Flask-Limiter, with one round trip to Redis for each limit of a request instead of two."""

from __future__ import annotations

import time
from typing import Any

from flask import g
from limits.storage import RedisStorage

# Runs both scripts of limits: the one that counts a request, and the one that reads the window for the headers. Each
# script becomes a function, because each ends with `return`. The second one gets its own arguments.
COUNT_AND_READ = f"""
local function count()
{RedisStorage.SCRIPT_ACQUIRE_MOVING_WINDOW.decode()}
end
local function read(ARGV)
{RedisStorage.SCRIPT_MOVING_WINDOW.decode()}
end
return {{count() and 1 or 0, read({{ARGV[1] - ARGV[3], ARGV[2]}}) or {{}}}}
"""


class RateLimitStorage(RedisStorage):
    """The Redis storage of Flask-Limiter. Its base class would also import the `valkey` package, which is not used.

    Flask-Limiter counts a request before the view, and reads the window after it, for the headers. This class reads the
    window when it counts, and keeps it in `g` for the headers. They show the limit as it was when the request came.
    """

    STORAGE_SCHEME = ["redis", "rediss"]  # limits uses this class for such URLs
    DEPENDENCIES = {"redis": None}

    def initialize_storage(self, uri: str) -> None:
        """Register the scripts."""
        super().initialize_storage(uri)
        self._count_and_read: Any = self.get_connection().register_script(COUNT_AND_READ.encode())

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count a request of cost `amount`, unless this would exceed the limit. Return whether it was counted."""
        moment = time.time()
        counted, window = self._count_and_read([self.prefixed_key(key)], [moment, limit, expiry, amount])
        _windows()[key, limit, expiry] = (float(window[0]), int(window[1])) if window else (moment, 0)
        return bool(counted)

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return the time of the oldest entry of the window, and the number of entries.

        The window that `acquire_entry` has read is returned once. Later calls read the current one.
        """
        found = _windows().pop((key, limit, expiry), None)
        return found or super().get_moving_window(key, limit, expiry)


def _windows() -> dict[tuple[str, int, int], tuple[float, int]]:
    """Return the windows that were read in this request, by the arguments of `get_moving_window`."""
    if "rate_limit_windows" not in g:
        g.rate_limit_windows = {}
    windows: dict[tuple[str, int, int], tuple[float, int]] = g.rate_limit_windows
    return windows
