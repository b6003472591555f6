"""Times as every reader sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from babel import localedata
from babel.dates import TIMEDELTA_UNITS, format_timedelta
from flask import Flask
from flask_babel import force_locale

from app.core.time import now
from app.web import filters

pytestmark = pytest.mark.one_database

AGES = [timedelta(hours=hours) for hours in (0, 0.01, 0.1, 3, 48, 165)]


@pytest.mark.slow
def test_relative_times_work_in_every_language(app: Flask) -> None:
    for locale in [code for code in localedata.locale_identifiers() if "_" not in code]:
        with app.test_request_context(), force_locale(locale):
            for age in AGES:
                assert 'datetime="' in filters.ago(now() - age), locale
                assert 'datetime="' in filters.ago(now() + age, "long"), locale


def test_relative_time_is_short_alone_and_long_in_a_sentence(app: Flask) -> None:
    with app.test_request_context(), force_locale("de"):
        assert ">3 T<" in filters.ago(now() - timedelta(days=3))
        assert ">vor 3 Tagen<" in filters.ago(now() - timedelta(days=3), "long")


@pytest.mark.parametrize(
    ("hours", "shown"),
    [(0, "Today"), (-20, "Yesterday"), (-72, "Tuesday, November 17, 2026"), (30, "Saturday, November 21, 2026")],
)
def test_nearby_days_are_named(app: Flask, hours: int, shown: str) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with app.test_request_context(), time_machine.travel(noon, tick=False):
        assert filters.day(noon + timedelta(hours=hours)) == shown


@pytest.mark.parametrize("style", ["narrow", "long"])
def test_the_cache_of_relative_times_changes_no_text(app: Flask, style) -> None:
    """Distances around every place where the unit or the number changes."""
    places = [unit * (count + part) for _name, unit in TIMEDELTA_UNITS for count in range(4) for part in (0, 0.5, 0.85)]
    with app.test_request_context(), force_locale("en"):
        for seconds in {int(place) + off for place in places for off in (-1, 0, 1)}:
            distance = timedelta(seconds=seconds)
            for one in (distance, -distance):
                plain = format_timedelta(one, format=style, add_direction=style == "long", locale="en")
                assert filters._relative(one, style) == plain, one
