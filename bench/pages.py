"""`make bench-pages`, or `python -m bench.pages`: measure the pages on a slow phone and check their budgets.

Chromium simulates a phone with a width of 390 px, a CPU that is four times slower, 150 ms round trips and 1.44 Mbit/s.
It opens a site with the data of `make demo`. The first view of a page has an empty cache. The second view opens the
same page again. Bytes are as transferred, including headers. Requests that the cache answers are not counted.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, ViewportSize, sync_playwright

from app.cli.demo import LOGIN, PASSWORD
from app.config import ROOT
from tests.e2e.conftest import running_site

PHONE: ViewportSize = {"width": 390, "height": 844}
SLOWER = 4
ROUND_TRIP_MS = 150
BYTES_PER_SECOND = 1_440_000 / 8
SETTLE_MS = 1_500  # waiting time after the load event, because later requests by scripts count too
TRIES = 3  # each view is measured this many times, and the fastest counts, to exclude noise

VISITOR_PAGES = {"login": "/auth/login"}
MEMBER_PAGES = {
    "home": "/",
    "profile": "/user/ben",
    "inbox": "/messages",
    "conversation": "/messages/ben",
    "activity": "/activity",
    "settings": "/edit_profile",
}

# This script is injected into each page. Its results are read when the page has settled.
OBSERVE = """
window.bench = { lcp: 0, cls: 0 };
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (bench.lcp = entry.startTime)))
  .observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (bench.cls += entry.value)))
  .observe({ type: "layout-shift", buffered: true });
"""


class Budget(NamedTuple):
    """The limits for a view."""

    requests: int
    kilobytes: float
    lcp: float  # seconds
    cls: float = 0.01


FIRST = Budget(requests=15, kilobytes=120, lcp=1.2)
FIRST_OF_LOGIN = Budget(requests=10, kilobytes=70, lcp=1.2)
SECOND = Budget(requests=3, kilobytes=12, lcp=0.5)


class View(NamedTuple):
    """The measured cost of a view."""

    requests: int
    kilobytes: float
    lcp: float
    cls: float
    parts: dict[str, tuple[int, float]]  # {type of resource: (requests, kilobytes)}

    def excesses(self, budget: Budget) -> list[str]:
        """Return the names of the figures that exceed the budget."""
        return [name for name in budget._fields if getattr(self, name) > getattr(budget, name)]


class Meter:
    """Counts the requests and bytes of a page."""

    def __init__(self, session: CDPSession) -> None:
        self._types: dict[str, str] = {}
        self._bytes: dict[str, float] = {}
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.requestServedFromCache", self._served_from_cache)
        session.on("Network.responseReceived", self._received)
        session.on("Network.loadingFinished", self._finished)

    def _sent(self, event: dict[str, object]) -> None:
        request: dict[str, str] = event["request"]  # type: ignore[assignment]
        if not request["url"].startswith("data:"):
            self._types[str(event["requestId"])] = str(event.get("type", "Other"))

    def _served_from_cache(self, event: dict[str, object]) -> None:
        self._types.pop(str(event["requestId"]), None)

    def _received(self, event: dict[str, object]) -> None:
        response: dict[str, object] = event["response"]  # type: ignore[assignment]
        if response.get("fromDiskCache"):
            self._served_from_cache(event)

    def _finished(self, event: dict[str, float]) -> None:
        self._bytes[str(event["requestId"])] = event["encodedDataLength"]

    def parts(self) -> dict[str, tuple[int, float]]:
        """Return {type of resource: (requests, kilobytes)}."""
        found: dict[str, tuple[int, float]] = {}
        for request, kind in self._types.items():
            count, size = found.get(kind, (0, 0.0))
            found[kind] = (count + 1, size + self._bytes.get(request, 0) / 1000)
        return found


def main() -> int:
    """Measure all pages. Return the exit status: 1 if a budget is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--data", type=Path, help="keep the site in this folder, and use it again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="microblog-bench-", ignore_cleanup_errors=True) as temporary:
        folder = chosen.data or Path(temporary)
        with community(folder) as url, chromium() as browser:
            return 0 if measure_all(browser, url) else 1


@contextmanager
def community(folder: Path) -> Iterator[str]:
    """Serve a site with the data of `make demo`, and yield its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_site(folder, POLL_INTERVAL="10") as site:
        demo = [sys.executable, "-m", "app.run", "demo"]
        subprocess.run(demo, cwd=ROOT, env=site.env, check=True, capture_output=True)
        yield site.url


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, and yield the browser."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("make bench-pages needs Chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def log_in(page: Page, url: str) -> None:
    """Log in to the demo community, and wait for its home page."""
    page.goto(f"{url}/auth/login")
    page.fill("main form [name=username]", LOGIN)
    page.fill("main form [name=password]", PASSWORD)
    page.click("main form [type=submit]")
    page.wait_for_url(f"{url}/")


def measure_all(browser: Browser, url: str) -> bool:
    """Measure all pages, and print a line for each view. Return whether all budgets are met."""
    print(f"{'page':<14}{'view':<8}{'requests':>9}{'kB':>8}{'LCP s':>8}{'CLS':>8}")
    login = browser.new_context(viewport=PHONE)
    page = login.new_page()
    log_in(page, url)
    cookies = login.cookies()
    login.close()
    kept = True
    for name, path in {**VISITOR_PAGES, **MEMBER_PAGES}.items():
        views = []
        for _ in range(TRIES):
            context = browser.new_context(viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
            if name in MEMBER_PAGES:
                context.add_cookies(cookies)  # type: ignore[arg-type]  # what cookies() returns
            views.append(_two_views(context, url + path))
            context.close()
        first, second = (min(tries, key=lambda view: view.lcp) for tries in zip(*views, strict=True))
        kept = _show(name, "first", first, FIRST_OF_LOGIN if name == "login" else FIRST) and kept
        kept = _show(name, "second", second, SECOND) and kept
    return kept


def _two_views(context: BrowserContext, url: str) -> tuple[View, View]:
    page = context.new_page()
    page.add_init_script(OBSERVE)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    conditions: dict[str, float] = {"offline": False, "latency": ROUND_TRIP_MS}
    conditions |= {"downloadThroughput": BYTES_PER_SECOND, "uploadThroughput": BYTES_PER_SECOND}
    session.send("Network.emulateNetworkConditions", conditions)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    first = _view(page, session, url)
    page.goto("about:blank")
    return first, _view(page, session, url)


def _view(page: Page, session: CDPSession, url: str) -> View:
    meter = Meter(session)
    page.goto(url, wait_until="load")
    page.wait_for_timeout(SETTLE_MS)
    seen = page.evaluate("window.bench")
    parts = meter.parts()
    requests = sum(count for count, _ in parts.values())
    return View(requests, sum(size for _, size in parts.values()), seen["lcp"] / 1000, seen["cls"], parts)


def _show(page: str, name: str, view: View, budget: Budget) -> bool:
    excesses = view.excesses(budget)
    parts = "  ".join(f"{kind} {count}/{size:.1f}" for kind, (count, size) in sorted(view.parts.items()))
    figures = f"{view.requests:>9}{view.kilobytes:>8.1f}{view.lcp:>8.2f}{view.cls:>8.3f}"
    print(f"{page:<14}{name:<8}{figures}  {parts}" + (f"  EXCEEDED: {', '.join(excesses)}" if excesses else ""))
    return not excesses


if __name__ == "__main__":
    sys.exit(main())
