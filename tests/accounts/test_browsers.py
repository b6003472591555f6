from __future__ import annotations

import pytest

from app.accounts.user_agents import browser, system

LIKE = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {} Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (LIKE.format("Windows NT 10.0; Win64; x64", "Chrome/140.0.0.0"), ("Chrome", "Windows")),
        (LIKE.format("Windows NT 10.0; Win64; x64", "Chrome/140.0.0.0") + " Edg/140.0", ("Edge", "Windows")),
        (LIKE.format("Linux; Android 16; Pixel 9", "Chrome/140.0 Mobile"), ("Chrome", "Android")),
        (LIKE.format("iPhone; CPU iPhone OS 19_0 like Mac OS X", "Version/19.0"), ("Safari", "iPhone")),
        (LIKE.format("Macintosh; Intel Mac OS X 10_15_7", "Version/19.0"), ("Safari", "macOS")),
        (LIKE.format("X11; CrOS x86_64 14541.0.0", "Chrome/140.0"), ("Chrome", "ChromeOS")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", ("Firefox", "Linux")),
        ("curl/8.14.1", ("curl", "")),
        ("", ("", "")),
    ],
)
def test_user_agent_is_parsed_to_browser_and_system(user_agent, expected):
    assert (browser(user_agent), system(user_agent)) == expected
