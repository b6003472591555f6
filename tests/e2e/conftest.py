"""Real browsers on the real thing: `python -m app.run`, as `make run` starts it, and Debian's Chromium."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from app.config import ROOT
from tests.support.ports import free_port, wait_for

POLL_INTERVAL = 3  # seconds; the contract's default of 10 would only make the tests wait
MAIL_DELAY = 6
PASSWORD = "correct horse battery"


@dataclass
class Site:
    """The running site and its mail."""

    url: str
    mail_url: str

    def mails(self, to: str, subject: str = "") -> list[dict[str, Any]]:
        """The mails that arrived for an address, newest first."""
        with urllib.request.urlopen(f"{self.mail_url}/messages.json") as answer:
            every = json.load(answer)
        return [mail for mail in every if to in str(mail["to"]) and subject in mail["subject"]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`make run` on an empty data directory."""
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    own = {"PORT": str(port), "DATA_DIR": str(folder / "var"), "POLL_INTERVAL": str(POLL_INTERVAL)}
    own |= {"MESSAGE_MAIL_DELAY": str(MAIL_DELAY), "RATELIMIT_ENABLED": "0"}
    foreign = {"MAIL_SERVER", "REDIS_URL", "DATABASE_URL"}
    env = {name: value for name, value in os.environ.items() if name not in foreign} | own
    output = (folder / "output").open("w+")
    running = subprocess.Popen(
        [sys.executable, "-m", "app.run"], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
    )
    try:
        yield Site(*wait_for(lambda: _addresses(Path(output.name)), seconds=30, why="the site to say where it is"))
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=30)
        output.close()


def _addresses(output: Path) -> tuple[str, str]:
    """The two addresses the supervisor prints: the site's and the mail page's. Raises LookupError until it has."""
    words = [word.rstrip("/") for word in output.read_text().split() if word.startswith("http://")]
    if len(words) < 2:
        raise LookupError(output.read_text())
    return words[0], words[1]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("make e2e needs Chromium: apt install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@dataclass
class Person:
    """Somebody with a browser of their own."""

    name: str
    site: Site
    context: BrowserContext
    page: Page
    errors: list[str] = field(default_factory=list)

    @property
    def email(self) -> str:
        """Where their mail goes."""
        return f"{self.name}@example.org"

    def tab(self, path: str = "/") -> Page:
        """A new tab, watched for errors in the console."""
        page = self.context.new_page()
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self.site.url + path)
        return page

    def goto(self, path: str) -> None:
        """Go somewhere in the first tab."""
        self.page.goto(self.site.url + path)

    def register(self) -> None:
        """Through the forms, as anybody does."""
        self.goto("/auth/register")
        self.page.fill("[name=username]", self.name)
        self.page.fill("[name=email]", self.email)
        self.page.fill("[name=password]", PASSWORD)
        self.page.fill("[name=password2]", PASSWORD)
        self.page.click("main [type=submit]")
        if "/auth/login" in self.page.url:
            self.page.fill("[name=username]", self.name)
            self.page.fill("[name=password]", PASSWORD)
            self.page.click("main [type=submit]")
        expect(self.page.locator(".rail")).to_be_visible()


@pytest.fixture
def person(site: Site, browser: Browser) -> Iterator[Callable[..., Person]]:
    """`person("ana")`: registered and logged in, in a browser context of their own."""
    people: list[Person] = []

    def make(name: str, **options: Any) -> Person:
        context = browser.new_context(**options)
        made = Person(name, site, context, context.new_page())
        made.page.on(
            "console", lambda message: made.errors.append(message.text) if message.type == "error" else None
        )
        people.append(made)
        made.register()
        return made

    yield make
    for somebody in people:
        somebody.context.close()
        assert not somebody.errors, f"{somebody.name}'s console: {somebody.errors}"
