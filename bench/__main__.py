"""`make bench`: run every bench, print a table and write bench.json into DATA_DIR."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from app.config import Settings
from bench import home, idle_poll

# name, bound, whether more is better
PROMISES = {"idle_poll_vs_floor": (0.8, True), "home_100k_vs_1k": (1.3, False)}


def main() -> int:
    """Run them; the exit status is 1 when a promise is broken."""
    figures: dict[str, float] = {}
    for bench in (idle_poll, home):
        with tempfile.TemporaryDirectory(prefix="microblog-bench-") as folder:
            figures |= bench.run(Path(folder))
    target = Settings.from_env().data_dir / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2) + "\n")
    broken = False
    for name, value in figures.items():
        verdict = ""
        if name in PROMISES:
            bound, more = PROMISES[name]
            kept = value >= bound if more else value <= bound
            verdict = f"{'kept' if kept else 'BROKEN'} ({'at least' if more else 'at most'} {bound})"
            broken = broken or not kept
        print(f"{name:24} {value:10.2f}  {verdict}")
    print(f"written to {target}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
