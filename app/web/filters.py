"""Template filters and globals: times, numbers and user text, in the reader's language and time zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from babel.dates import format_timedelta
from flask import Flask, url_for
from flask_babel import format_date, format_datetime, format_decimal, format_time, get_locale, to_user_timezone
from markupsafe import Markup, escape

from app.core import i18n, titles
from app.core.clock import now
from app.core.i18n import _
from app.lib.locales import direction, language_name
from app.lib.media import ACCEPT
from app.lib.text import rich
from app.lib.text.languages import language_names
from app.models import User
from app.web.responses import here

RELATIVE_UP_TO_DAYS = 7


def ago(moment: datetime, style: Literal["narrow", "long"] = "narrow") -> Markup:
    """Return a <time> element with the age of `moment`: "5m", or "5 minutes ago" in the long style.

    After a week, the text is the date. The title is the full date and time. static/js/page/time.js updates the text
    while the page is open.
    """
    age = now() - moment
    full = format_datetime(moment, "long")
    if age.days >= RELATIVE_UP_TO_DAYS:
        mark, text = "", format_date(moment, "medium")
    else:
        mark, text = Markup(' data-relative="{}"').format(style), _relative(-age, style)
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(moment.isoformat(), full, mark, text)


def _relative(distance: timedelta, style: Literal["narrow", "long"]) -> str:
    return format_timedelta(distance, format=style, add_direction=style == "long", locale=get_locale() or "en")


def clock_time(moment: datetime) -> Markup:
    """Return a <time> element with hour and minute in the reader's time zone."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(), format_datetime(moment, "long"), format_time(moment, "short")
    )


def day(moment: datetime) -> str:
    """Return the date in the reader's time zone and language: "Today", "Yesterday", or the full date."""
    days = (to_user_timezone(now()).date() - to_user_timezone(moment).date()).days
    if days in {0, 1}:
        return _("Yesterday") if days else _("Today")
    return str(format_date(moment, "full"))


def local_date(moment: datetime) -> str:
    """Return the date in the reader's time zone as YYYY-MM-DD, for grouping by day."""
    return str(to_user_timezone(moment).date())


def number(value: float) -> str:
    """Format a number in the reader's language."""
    return str(format_decimal(value))


def rich_text(text: str) -> Markup:
    """Return a user's plain text as safe HTML with links, @names and #tags."""
    return rich.render(
        text,
        mention_url=lambda name: url_for("profiles.show", username=name),
        tag_url=lambda tag: url_for("posts.search", q=f"#{tag}"),
    )


def avatar_url(user: User) -> str:
    """Return the URL of a user's picture. It changes with the picture, so it can be cached for ever."""
    return url_for("profiles.avatar", username=user.username, version=user.avatar[:12] or _drawn_version(user))


def _drawn_version(user: User) -> str:
    return sha256(user.display_name.encode()).hexdigest()[:8]


def name_of_language(code: str) -> str:
    """Return a language's name in the reader's language."""
    return language_names(str(get_locale() or "en")).get(code, code)


def bdi(text: str) -> Markup:
    """Wrap text in <bdi>, so that its direction does not affect the text around it."""
    return Markup("<bdi>{}</bdi>").format(escape(text))


def listed(names: Iterable[str]) -> Markup:
    """Join names to a list in the reader's language ("Ada, Ben and Cleo"), each in a <bdi>."""
    return Markup(i18n.listed(str(bdi(name)) for name in names))  # noqa: S704 - escaped


def group_title_html(name: str, people: Iterable[str]) -> Markup:
    """Return the title of a group as HTML: its name, or the names of `people`, each in a <bdi>."""
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
        day=day,
        listed=listed,
        local_date=local_date,
        number=number,
        rich_text=rich_text,
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
    )
