"""The latency of sending a message, while 2,500 browsers send 250 polls per second.

This is the load test in a shorter form, with fewer users.
"""

from __future__ import annotations

from pathlib import Path

from bench import load

LOAD = load.Options(seconds=30, browsers=2_500, messages_per_s=10.0, ramp=15.0, settle=10.0)


def run(folder: Path, options: load.Options = LOAD) -> dict[str, float]:
    """Run a short load test.

    `send_p99_ms` is the 99th percentile of the latency of sending a message. `send_errors` is the number of errors.
    """
    seen = load.run(folder, options)
    return {
        "send_p99_ms": seen["message_p99_ms"],
        "send_p50_ms": seen["message_p50_ms"],
        "send_errors": seen["load_errors"],
        "send_per_s": seen["messages_per_s"],
        "send_polls_per_s": seen["polls_per_s"],
    }
