"""The page of how one is told, as a person reads and sends it."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.test import TestResponse

from tests.support.client import Browser
from tests.support.forms import fill

PAGE = "/notification_settings"


def submit_settings(browser: Browser, **changes: str | None) -> TestResponse:
    """Load the page, change what is named (None unticks), and send it."""
    where, values = fill(browser.get(PAGE).text, {"digest_weekday": "0"}, PAGE, PAGE)
    form: dict[str, Any] = values | changes
    return browser.post(where, data={name: value for name, value in form.items() if value is not None})


def tick(html: str, name: str) -> bool | None:
    """Whether the box `name` of a page is ticked; None when there is no such box."""
    box = re.search(rf'<input[^>]* name="{name}"[^>]*>', html)
    return " checked" in box[0] if box else None


def chosen(html: str, name: str) -> str:
    """The value chosen in the select `name`."""
    options = re.search(rf'<select[^>]* name="{name}".*?</select>', html, re.S)
    return re.search(r'<option selected value="([^"]*)"', options[0])[1]


def typed(html: str, name: str) -> str:
    """What stands in the field `name`."""
    return re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', html)[1]
