"""`make bench`, or `python -m bench NAME ...`: run benchmarks, print a table and write bench.json to DATA_DIR."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.config import Settings
from bench import held, home, idle_poll, inbox, load, mailing, people, sending, vs_tutorial

# The performance targets: {name of a figure: (limit, whether higher is better)}.
TARGETS = {
    "idle_poll_vs_floor": (2.5, True),
    "idle_poll_vs_tutorial_write": (12.0, True),
    "home_100k_vs_1k": (1.3, False),
    "popup_100k_vs_1k": (1.3, False),
    "profile_100k_vs_1k": (1.3, False),
    "followers_100k_vs_1k": (1.3, False),
    "search_100k_vs_1k": (1.3, False),
    "inbox_1m_vs_1k": (1.3, False),
    "thread_1m_vs_1k": (1.3, False),
    "inbox_queries": (3, False),
    "thread_queries": (3, False),
    "mail_job_cpu_vs_fork": (0.25, False),
    "send_cpu_vs_tutorial": (1.0, False),
    "home_cpu_vs_tutorial": (0.8, False),
    "inbox_cpu_vs_tutorial": (0.8, False),
    "told_poll_cpu_vs_tutorial": (0.5, False),
    "send_statements": (14, False),
    "like_cpu_vs_send": (0.5, False),
    "send_p99_ms": (250, False),
    "send_errors": (0, False),
    "load_errors": (0, False),
    "poll_p99_ms": (100, False),
    "message_p99_ms": (250, False),
    "badges_wrong": (0, False),
    "write_lock_share": (0.2, False),
    "write_lock_p99_ms": (20, False),
    "web_memory_growth": (0.1, False),
    "web_memory_spread": (0.1, False),
}

Bench = Callable[[Path], dict[str, float]]


def main() -> int:
    """Run the benchmarks named on the command line, or all of them. Return the exit status: 1 if a target is missed."""
    benches = {
        "idle_poll": idle_poll.run,
        "home": home.run,
        "inbox": inbox.run,
        "people": people.run,
        "vs_tutorial": vs_tutorial.run,
        "mailing": mailing.run,
        "sending": sending.run,
        "held": held.run,
    }
    names = (*benches, "load")
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--seconds", type=int, default=600, help="how long `load` measures")
    parser.add_argument("--browsers", type=int, default=10_000, help="how many `load` simulates; an even number")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="of `load`")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(names):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    options = load.Options(seconds=chosen.seconds, browsers=chosen.browsers, database=chosen.database)
    runs: dict[str, Bench] = {**benches, "load": partial(load.run, options=options)}
    kept = True
    figures: dict[str, float] = {}
    for name in chosen.names or names:
        with tempfile.TemporaryDirectory(prefix="microblog-bench-", ignore_cleanup_errors=True) as folder:
            found = runs[name](Path(folder))
        kept = _show(found) and kept
        figures |= found
    print(f"written to {_keep(figures, is_all=len(runs) == len(chosen.names or names))}")
    return 0 if kept else 1


def _show(figures: dict[str, float]) -> bool:
    """Print the figures. Return whether all targets among them are met."""
    all_kept = True
    for name, value in figures.items():
        verdict = ""
        if name in TARGETS:
            bound, more = TARGETS[name]
            kept = value >= bound if more else value <= bound
            verdict = f"{'met' if kept else 'MISSED'} ({'at least' if more else 'at most'} {bound:g})"
            all_kept = all_kept and kept
        print(f"{name:28} {value:12.3f}  {verdict}".rstrip(), flush=True)
    return all_kept


def _keep(figures: dict[str, float], *, is_all: bool) -> Path:
    """Write the figures to bench.json, and return its path. After a partial run, keep the file's other figures."""
    target = Settings.from_env().data_dir / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(target.read_text()) if target.exists() and not is_all else {}
    rounded = {name: round(value, 3) for name, value in figures.items()}
    target.write_text(json.dumps(before | rounded, indent=2) + "\n")
    return target


if __name__ == "__main__":
    raise SystemExit(main())
