"""Template filters and functions that format times, numbers and user text for the reader's language and time zone.

Formatted dates and rendered texts are cached, because formatting a date takes 40 µs and rendering a text 100 µs. The
arguments of a cached function include everything that its result depends on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from babel import Locale
from babel.dates import TIMEDELTA_UNITS, format_timedelta, get_timezone_location
from flask import Flask, has_request_context, request
from flask_babel import (
    format_date,
    format_decimal,
    format_time,
    get_locale,
    get_timezone,
    to_user_timezone,
)
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app.core import i18n, titles
from app.core.i18n import _
from app.core.time import now
from app.lib.locales import direction, language_name
from app.lib.media import ACCEPT
from app.lib.text import rich
from app.lib.text.languages import language_names
from app.models import Post, User
from app.web.responses import here
from app.web.urls import url_for

RELATIVE_UP_TO_DAYS = 7
THRESHOLD = 0.85  # from 85 % of a unit on, an age is shown in this unit; Babel's default
MAX_TAGS = 12
# Babel's units from years to seconds: (seconds, shortest distance shown in the unit, longest one).
_SECONDS = [seconds for _name, seconds in TIMEDELTA_UNITS]
UNITS = [
    (unit, unit * THRESHOLD, math.ceil(larger * THRESHOLD) - 1)
    for unit, larger in zip(_SECONDS, [10**12, *_SECONDS[:-1]], strict=True)
]
FORMATTERS = {"date": format_date, "time": format_time}
FormatterName = Literal["date", "time"]


def ago(moment: datetime, style: Literal["narrow", "long"] = "narrow") -> Markup:
    """Return a <time> element with the age of `moment`: "5m", or "5 minutes ago" in the long style.

    If `moment` is more than a week ago, the element shows its date instead. The title attribute contains the full date
    and time. While the page is open, static/js/page/time.js updates the age.
    """
    age = now() - moment
    if age.days >= RELATIVE_UP_TO_DAYS:
        return _time(moment, "", _formatted("date", moment, "medium"))
    return _time(moment, f' data-relative="{style}"', _relative(-age, style))


def _time(moment: datetime, mark: str, text: str) -> Markup:
    """Return a <time> element with `text`. `mark` is an additional attribute, or ""."""
    full = escape(_moment(moment, get_locale(), get_timezone()))
    element = f'<time datetime="{moment.isoformat()}" title="{full}"{mark}>{escape(text)}</time>'
    return Markup(element)  # noqa: S704 - escaped


def _formatted(kind: FormatterName, moment: datetime, width: str) -> str:
    """Return the date or the time of `moment`, in the reader's language and time zone.

    `kind` is "date" or "time". `width` is the length of the text, such as "short" or "full", as Babel defines it.
    """
    return _formatted_for(kind, moment, width, get_locale(), get_timezone())


@lru_cache(maxsize=8192)
def _formatted_for(kind: FormatterName, moment: datetime, width: str, _locale: Locale, _zone: tzinfo) -> str:
    """Return the date or the time of `moment`, and cache it.

    Flask-Babel looks up the reader's locale and time zone itself. `_locale` and `_zone` are only part of the cache key.
    """
    return str(FORMATTERS[kind](moment, width))


@lru_cache(maxsize=8192)
def _moment(moment: datetime, _locale: Locale, _zone: tzinfo) -> str:
    """Return the date and time of `moment`, and cache them. `_locale` and `_zone` are only part of the cache key."""
    return i18n.moment_text(moment)


def _relative(distance: timedelta, style: Literal["narrow", "long"]) -> str:
    """Return a duration as text with one unit, such as "5m" or, in the long style, "in 5 minutes"."""
    exact = abs(int(distance.total_seconds()))
    # The unit that format_timedelta() chooses, and a whole number of it that has the same text.
    unit, most = next(((unit, most) for unit, least, most in UNITS if exact >= least), (1, 0))
    seconds = min(round(exact / unit) * unit, most)
    return _distance(-seconds if distance < timedelta(0) else seconds, style, get_locale() or "en")


@lru_cache(maxsize=2048)
def _distance(seconds: int, style: Literal["narrow", "long"], locale: Locale | str) -> str:
    distance = timedelta(seconds=seconds)
    return format_timedelta(distance, format=style, threshold=THRESHOLD, add_direction=style == "long", locale=locale)


def date_and_time(moment: datetime) -> Markup:
    """Return a <time> element with the date and the time of `moment` in the reader's time zone."""
    return _time(moment, "", _moment(moment, get_locale(), get_timezone()))


def clock_time(moment: datetime) -> Markup:
    """Return a <time> element with the hour and minute of `moment` in the reader's time zone."""
    return _time(moment, "", _formatted("time", moment, "short"))


def day(moment: datetime) -> str:
    """Return the date of `moment` in the reader's language and time zone: "Today", "Yesterday", or the full date."""
    days = (to_user_timezone(now()).date() - to_user_timezone(moment).date()).days
    if days in {0, 1}:
        # NOTE: Heading above the messages of a day.
        return _("Yesterday") if days else _("Today")
    return _formatted("date", moment, "full")


def local_date(moment: datetime) -> str:
    """Return the date of `moment` in the reader's time zone, as YYYY-MM-DD. Templates use it to group items by day."""
    return str(to_user_timezone(moment).date())


@pass_context
def number(_context: Context, value: float) -> str:
    """Format a number in the reader's language.

    Jinja passes the template context, which this function doesn't use. Without this argument, Jinja would format a
    constant number only once, when it compiles the template, and so in the same language for all readers.
    """
    return str(format_decimal(value))


def zone_name(zone: str) -> str:
    """Return the city of a time zone in the reader's language, such as "Tokyo" for "Asia/Tokyo".

    For "", return "UTC".
    """
    return get_timezone_location(zone, locale=get_locale() or i18n.SOURCE, return_city=True) if zone else "UTC"


def rich_text(text: str) -> Markup:
    """Return a user's plain text as safe HTML with links, @names and #tags."""
    return _rich_text(text, request.script_root) if has_request_context() else _rendered(text)


@lru_cache(maxsize=2048)
def _rich_text(text: str, _script_root: str) -> Markup:
    """Return `text` as HTML, and cache the HTML.

    `_script_root` is part of the cache key, because the links in the HTML begin with this URL prefix.
    """
    return _rendered(text)


def _rendered(text: str) -> Markup:
    return rich.render(
        text,
        mention_url=lambda name: url_for("profiles.show", username=name),
        tag_url=lambda tag: url_for("posts.tag", tag_name=tag),
    )


def tags_in(posts: Iterable[Post]) -> list[str]:
    """Return the tags in these posts, without "#". If there are more than MAX_TAGS, return only the first ones.

    Tags that differ only in case count as one. Posts with a content warning are skipped.
    """
    tags = (tag for post in posts if not post.warning for tag in _tags(post.body))
    return list({tag.casefold(): tag for tag in tags}.values())[:MAX_TAGS]


@lru_cache(maxsize=2048)
def _tags(text: str) -> list[str]:
    return rich.tags(text)


def avatar_url(user: User) -> str:
    """Return the URL of a user's picture. The URL changes with the picture, so browsers can cache it permanently."""
    version = user.avatar[:12] or _drawn_version(user.display_name)
    return url_for("profiles.avatar", username=user.username, version=version)


@lru_cache(maxsize=4096)
def _drawn_version(display_name: str) -> str:
    return sha256(display_name.encode()).hexdigest()[:8]


def name_of_language(code: str) -> str:
    """Return the name of the language `code` in the reader's language, or `code` if there is no name."""
    return language_names(str(get_locale() or "en")).get(code, code)


def bdi(text: str) -> Markup:
    """Put a text in a <bdi> element, so that its writing direction does not affect the text around it."""
    return Markup("<bdi>{}</bdi>").format(escape(text))


def listed(names: Iterable[str]) -> Markup:
    """Join names as a list in the reader's language, such as "Ada, Ben and Cleo". Each name is in a <bdi>."""
    return Markup(i18n.listed(str(bdi(name)) for name in names))  # noqa: S704 - escaped


def group_title_html(name: str, people: Iterable[str]) -> Markup:
    """Return the title of a group conversation as HTML.

    The title is the group's name or, if it has no name, the names of its other members, `people`. Each name is in a
    <bdi> element.
    """
    people = list(people)
    if name or not people:
        return bdi(name) if name else escape(titles.group_title("", ()))
    return listed(people)


def init_app(app: Flask) -> None:
    """Register the template filters and globals."""
    app.jinja_env.filters.update(
        ago=ago,
        bdi=bdi,
        clock_time=clock_time,
        date_and_time=date_and_time,
        day=day,
        isolated=i18n.isolated,
        listed=listed,
        local_date=local_date,
        number=number,
        rich_text=rich_text,
        zone_name=zone_name,
    )
    app.jinja_env.globals.update(
        ACCEPTED_IMAGES=ACCEPT,
        avatar_url=avatar_url,
        direction=direction,
        group_title=titles.group_title,
        group_title_html=group_title_html,
        here=here,
        language_name=language_name,
        name_of_language=name_of_language,
        now=now,
        tags_in=tags_in,
    )
