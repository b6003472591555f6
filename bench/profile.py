"""`make profile`: what each hot request costs, and with `R=NAME`, the functions in which it spends its time.

The figures of one run are comparable. Profiling makes Python slower, so the times of the functions are only shares.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import hot_site, servers
from bench.costs import Costs
from bench.hot import Hot

FUNCTIONS = 40  # in the table of one request
REQUESTS = (*hot_site.PAGES, "send", "told_poll")


def main() -> None:
    """Print a table of all hot requests, or the functions of the request named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("request", nargs="?", choices=REQUESTS)
    chosen: str | None = parser.parse_args().request
    with (
        tempfile.TemporaryDirectory(prefix="microblog-profile-", ignore_cleanup_errors=True) as folder,
        servers.valkey(Path(folder) / "redis") as redis_url,
    ):
        site = hot_site.fill(Path(folder) / "site", redis_url)
        site.run()  # warm up: compile templates and statements
        if chosen is None:
            _print_costs(site)
        else:
            _print_functions(site, chosen)


def _print_costs(site: Hot) -> None:
    seconds, costs = site.run(), Costs()
    replace(site, watch=costs.watch).run()
    print(f"{'request':12} {'CPU ms':>8} {'statements':>11} {'lock held ms':>13}")
    for request in REQUESTS:
        cpu, lock = (statistics.median(one[request]) * 1e3 for one in (seconds, costs.lock))
        print(f"{request:12} {cpu:8.2f} {statistics.median(costs.statements[request]):11g} {lock:13.2f}")


def _print_functions(site: Hot, chosen: str) -> None:
    profile = cProfile.Profile()

    @contextmanager
    def watch(request: str) -> Iterator[None]:
        if request == chosen:
            profile.enable()
        try:
            yield
        finally:
            profile.disable()

    replace(site, watch=watch).run()
    pstats.Stats(profile).strip_dirs().sort_stats("cumulative").print_stats(FUNCTIONS)
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(FUNCTIONS)


if __name__ == "__main__":
    main()
