"""How many messages a second the site accepts: the highest rate without errors at which people hardly wait."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench import load, sending

RATES = (10.0, 15.0, 22.0, 33.0, 50.0, 75.0, 110.0, 165.0)  # messages per second, beside 250 polls
WAIT_MS = 250  # the 99th percentile of sending and of reading may be this long
LOAD = replace(sending.LOAD, seconds=20)


def run(folder: Path, options: load.Options = LOAD) -> dict[str, float]:
    """Return `messages_per_s_held`: the last rate of RATES before the first that fails; 0 if the first one fails."""
    held = 0.0
    for rate in RATES:
        seen = load.run(folder / str(rate), replace(options, messages_per_s=rate))
        print(f"  {rate:g} messages/s: {seen['load_errors']:g} errors, p99 of messages {seen['message_p99_ms']:.0f} ms")
        if seen["load_errors"] or max(seen["message_p99_ms"], seen["read_p99_ms"]) > WAIT_MS:
            break
        held = rate
    return {"messages_per_s_held": held}
