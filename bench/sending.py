"""Sending messages while 2,500 browsers poll 250 times a second on the whole site: the latency of the form.

A shorter run of the load test, with a site that is faster to fill than one with ten thousand users.
"""

from __future__ import annotations

from pathlib import Path

from bench import load

LOAD = load.Options(seconds=30, browsers=2_500, messages_per_s=10.0, ramp=15.0, settle=10.0)


def run(folder: Path, options: load.Options = LOAD) -> dict[str, float]:
    """Measure `send_p99_ms`, the 99th percentile of a message's latency, and `send_errors`."""
    seen = load.run(folder, options)
    return {
        "send_p99_ms": seen["message_p99_ms"],
        "send_p50_ms": seen["message_p50_ms"],
        "send_errors": seen["load_errors"],
        "send_per_s": seen["messages_per_s"],
        "send_polls_per_s": seen["polls_per_s"],
    }
