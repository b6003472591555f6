"""Real browsers on the real thing: `python -m app.run`, as `make run` starts it, and Debian's Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from app.config import ROOT
from tests.support.databases import PATIENCE
from tests.support.folders import SECRET_KEY, make_data_dir
from tests.support.ports import free_port, wait_for

POLL_INTERVAL = 3  # seconds; the contract's default of 10 would only make the tests wait
MAIL_DELAY = 6
PASSWORD = "correct horse battery"
expect.set_options(timeout=15_000)  # milliseconds: several polls, because the machine may be busy
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 800}


@dataclass
class Site:
    """The running site and its mail."""

    url: str
    mail_url: str
    env: dict[str, str]

    def mails(self, to: str, subject: str = "") -> list[dict[str, Any]]:
        """The mails that arrived for an address, newest first."""
        with urllib.request.urlopen(f"{self.mail_url}/messages.json?to={quote(to)}") as answer:
            return [mail for mail in json.load(answer) if subject in mail["subject"]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`make run` on an empty data directory, for the tests of one file: their people may bear any names."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@contextmanager
def running_site(folder: Path, **settings: str) -> Iterator[Site]:
    """`make run` with its data in `folder`."""
    own = {
        "PORT": str(free_port()),
        "DATA_DIR": str(make_data_dir(folder / "var")),
        "SECRET_KEY": SECRET_KEY,
        "POLL_INTERVAL": str(POLL_INTERVAL),
        "MESSAGE_MAIL_DELAY": str(MAIL_DELAY),
        "RATELIMIT_ENABLED": "0",
        "SQLITE_TIMEOUT": str(PATIENCE),
        **settings,
    }
    foreign = {"MAIL_SERVER", "REDIS_URL", "DATABASE_URL", "PUBLIC_URL"}
    env = {name: value for name, value in os.environ.items() if name not in foreign} | own
    with (folder / "output").open("w") as output:
        program = [sys.executable, "-m", "app.run"]
        running = subprocess.Popen(program, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield Site(*_addresses(Path(output.name)), env)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=30)


def _addresses(output: Path) -> tuple[str, str]:
    """The two addresses the supervisor prints, the site's and the mail page's, when it has."""

    def printed() -> tuple[str, str]:
        site, mail = re.findall(r"http://[^/\s]+", output.read_text())[:2]
        return site, mail

    return wait_for(printed, seconds=60, why=f"the supervisor to say in {output} that it serves")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Not for the session: tests/js has a Playwright of its own, and two cannot live at once."""
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
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the first tab; every tab is watched for errors in its console."""
        self.context.on("page", self._watch)
        self.page = self.context.new_page()

    def _watch(self, page: Page) -> None:
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @property
    def email(self) -> str:
        """Where their mail goes."""
        return f"{self.name}@example.org"

    def goto(self, path: str) -> None:
        """Go somewhere in the first tab."""
        self.page.goto(self.site.url + path)

    def tab(self, path: str) -> Page:
        """A new tab."""
        page = self.context.new_page()
        page.goto(self.site.url + path)
        return page

    def submit(self, form: str, **fields: str) -> None:
        """Fill the fields of a form, given by its selector, and send it."""
        for name, value in fields.items():
            self.page.fill(f"{form} [name={name}]", value)
        self.page.click(f"{form} [type=submit]:visible")

    def register(self) -> None:
        """Through the form, as anybody does."""
        self.goto("/auth/register")
        self.submit("main form", username=self.name, email=self.email, password=PASSWORD, password2=PASSWORD)
        if "/auth/register/sent" in self.page.url:  # all but the first of a site confirm their address first
            self.page.goto(link_in(self.site, self, "/auth/register/"))
            self.page.click("main form [type=submit]")
        expect(self.page.locator(".sidebar")).to_be_visible()

    def log_in(self, password: str = PASSWORD) -> None:
        """Through the form."""
        self.goto("/auth/login")
        self.submit("main form", username=self.name, password=password)
        expect(self.page.locator(".sidebar")).to_be_visible()

    def knows(self, *others: Person) -> None:
        """Follow these people: what somebody writes whom one does not know is a request, without badge and mail."""
        for other in others:
            self.goto(f"/user/{other.name}")
            self.page.get_by_role("button", name=f"Follow {other.name}").click()
            expect(self.page.get_by_role("button", name=f"Unfollow {other.name}")).to_be_visible()

    def expect_no_error(self) -> None:
        """Nothing was wrong in the console of any tab."""
        assert not self.errors, f"{self.name}'s console: {self.errors}"


def link_in(site: Site, reader: Person, path: str) -> str:
    """The link to `path` in a mail that has come or is coming."""

    def found() -> str | None:
        links = (re.search(rf"http\S*{path}\S+", mail["text"]) for mail in site.mails(reader.email))
        return next((link[0] for link in links if link), None)

    return wait_for(found, seconds=MAIL_DELAY + 30, every=0.3, why=f"a mail with a link to {path}") or ""


@pytest.fixture
def person(site: Site, browser: Browser) -> Iterator[Callable[..., Person]]:
    """`person("ana")`: registered and logged in, in a browser context of their own; options are the context's."""
    people: list[Person] = []

    def make(name: str, **options: Any) -> Person:
        made = Person(name, site, browser.new_context(**options))
        made.context.set_default_timeout(10_000)
        people.append(made)
        made.register()
        return made

    yield make
    for somebody in people:
        somebody.context.close()
        somebody.expect_no_error()


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def sized(request: pytest.FixtureRequest, person: Callable[..., Person]) -> Callable[[str], Person]:
    """`person`, at a desk and on a phone; their names end with the width."""
    return lambda name: person(f"{name}{request.param['width']}", viewport=request.param)
