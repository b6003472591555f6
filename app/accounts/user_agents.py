"""Readable names of browsers and operating systems, from User-Agent headers."""

from __future__ import annotations

# The first match counts, because most browsers also send the names of other browsers, which are further down.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
)


def browser(user_agent: str) -> str:
    """Return the name of the browser that sends this User-Agent header, or "" if the browser is unknown."""
    return next((name for mark, name in _BROWSERS if mark in user_agent), "")


def system(user_agent: str) -> str:
    """Return the name of the operating system in this User-Agent header, or "" if the system is unknown."""
    return next((name for mark, name in _SYSTEMS if mark in user_agent), "")
