"""`make screenshots`, or `python -m tools.screenshots`: take the pictures in docs/images, which README.md shows.

Chromium logs in to a new site with the data of `make demo`, as `ana` and in English. Each picture is taken in the light
and the dark theme. The pages show relative times, so the files differ slightly each time.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, StorageState, ViewportSize

from app.config import ROOT
from bench.pages import chromium, community, log_in

FOLDER = ROOT / "docs/images"
MAX_BYTES = 400_000  # all files together: everyone who clones the repository downloads them
QUALITY = 70
SCALE = 1.5
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 780}
PICTURES = {
    "home": ("/", DESKTOP),
    "home-phone": ("/", PHONE),
    "inbox-phone": ("/messages", PHONE),
    "conversation-phone": ("/messages/ben", PHONE),
}


def main() -> int:
    """Take all pictures. Return the exit status: 1 if the files are larger than MAX_BYTES in total."""
    FOLDER.mkdir(exist_ok=True)
    temporary = tempfile.TemporaryDirectory(prefix="microblog-screenshots-", ignore_cleanup_errors=True)
    with temporary as folder, community(Path(folder)) as url, chromium() as browser:
        state = _log_in_in_english(browser, url)
        for theme in ("light", "dark"):
            for name, (path, size) in PICTURES.items():
                _take(browser, state, url + path, size, theme, FOLDER / f"{name}-{theme}.webp")
    total = sum(path.stat().st_size for path in FOLDER.glob("*.webp"))
    print(f"{FOLDER.relative_to(ROOT)}: {total / 1000:.0f} kB")
    return int(total > MAX_BYTES)


def _log_in_in_english(browser: Browser, url: str) -> StorageState:
    """Log in, and set the language to English and the theme to that of the system. Return the cookies."""
    context = browser.new_context()
    page = context.new_page()
    log_in(page, url)
    page.goto(f"{url}/edit_profile")
    page.select_option("[name=language]", "en")
    page.select_option("[name=theme]", "auto")
    with page.expect_navigation():
        page.click("form:has([name=theme]) [type=submit]")
    state = context.storage_state()
    context.close()
    return state


def _take(browser: Browser, state: StorageState, url: str, size: ViewportSize, theme: str, file: Path) -> None:
    """Open a page and save a picture of it. POST requests are blocked, so that the page marks nothing as read."""
    context = browser.new_context(
        storage_state=state,
        viewport=size,
        device_scale_factor=SCALE,
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.route("**/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.goto(url, wait_until="networkidle")
    _save(page, file)
    context.close()


def _save(page: Page, file: Path) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.convert("RGB").save(file, "WEBP", quality=QUALITY, method=6)


if __name__ == "__main__":
    sys.exit(main())
