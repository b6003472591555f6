"""The time zones that members can choose: IANA time zones without aliases, grouped by region."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from threading import Lock
from zoneinfo import available_timezones

from babel.core import get_global
from babel.dates import get_timezone_location

from app.core.i18n import _, _l, _p

REGIONS = {
    "Africa": _l("Africa"),
    "America": _l("Americas"),
    "Antarctica": _l("Antarctica"),
    "Asia": _l("Asia"),
    "Atlantic": _l("Atlantic Ocean"),
    "Australia": _l("Australia"),
    "Europe": _l("Europe"),
    "Indian": _l("Indian Ocean"),
    "Pacific": _l("Pacific Ocean"),
}
Choice = tuple[str, str]
_naming = Lock()  # naming all zones takes seconds the first time; other threads wait instead of repeating it


@cache
def places() -> frozenset[str]:
    """Return the IANA names of the time zones that members can choose, such as "Europe/Madrid"."""
    aliases = get_global("zone_aliases")
    return frozenset(name for name in available_timezones() if name.split("/")[0] in REGIONS and name not in aliases)


def is_zone(name: str) -> bool:
    """Return whether `name` is an IANA time zone.

    Aliases are accepted, because a member's time zone can be an alias. `places` does not contain aliases.
    """
    return name in available_timezones()


def choices(locale: str, current: str = "") -> dict[str, list[Choice]]:
    """Return the time zones for a form field: (IANA name, city) pairs by region, in the language `locale`.

    The time zone `current` is always included.
    """
    groups = {_p("time zones", "Other"): [("", _("Coordinated Universal Time (UTC)"))]}
    if current and current not in places():
        groups[_p("time zones", "Other")].append((current, current))
    with _naming:
        cities = _cities(locale)
    return groups | {str(title): list(cities[region]) for region, title in REGIONS.items()}


@lru_cache(maxsize=64)
def _cities(locale: str) -> dict[str, tuple[Choice, ...]]:
    by_region: dict[str, list[Choice]] = {region: [] for region in REGIONS}
    for name in places():
        city = get_timezone_location(name, locale=locale, return_city=True)
        by_region[name.split("/")[0]].append((name, city))
    return {region: tuple(sorted(cities, key=_by_city)) for region, cities in by_region.items()}


def _by_city(choice: Choice) -> tuple[str, str]:
    return unicodedata.normalize("NFKD", choice[1]).casefold(), choice[0]
