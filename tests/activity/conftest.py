"""What the tests of Activity look at: the badge on pages and in the poll, and the rows of the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

import pytest
from sqlalchemy import select

from app.models import Activity, DeliveryPreference, DeliveryProfile, User
from app.notifications.kinds import KINDS
from app.notifications.preferences import default, default_profile
from tests.support.client import Browser

_ROW = re.compile(
    r'<li class="event([^"]*)" data-kind="(\w+)"(?: data-events="([^"]*)")?([^>]*)>(.*?)</li>\s*'
    r'(?=<li class="event|</ul>)',
    re.DOTALL,
)


@dataclass(frozen=True)
class Shown:
    """A row of the page as a reader sees it."""

    kind: str
    places: list[str]
    is_unread: bool
    has_dot: bool
    html: str

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.html)).split()).replace(" ,", ",")


def shown_rows(browser: Browser, path: str = "/activity") -> list[Shown]:
    """The rows of a page."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return [
        Shown(kind, places.split(), "data-unread" in more, "is-unread" in classes, html)
        for classes, kind, places, more, html in _ROW.findall(answer.text)
    ]


def badge_counts(browser: Browser, path: str = "/messages") -> dict[str, int]:
    """Both numbers on a page."""
    found = re.findall(r'data-badge="(\w+)" data-count="(\d+)"', browser.get(path).text)
    return {name: int(number) for name, number in found}


def polled_count(browser: Browser) -> int | None:
    """The number of unread activity as a poller knows it that heard everything."""
    told = [one["data"] for one in browser.get("/notifications?since=0").json if one["name"] == "unread_activity_count"]
    return told[-1] if told else None


@pytest.fixture
def unread(db) -> Callable[[Browser], int]:
    """The badge, which must be the same on a page, in the poll and in the rows themselves."""

    def ask(browser: Browser) -> int:
        rows = db.session.scalars(select(Activity).where(Activity.user_id == browser.user.id)).all()
        truth = sum(row.read_at is None and not row.filtered_by for row in rows)
        assert badge_counts(browser)["unread_activity_count"] == truth
        assert (polled_count(browser) or 0) == truth
        return truth

    return ask


@pytest.fixture
def set_preferences(db) -> Callable[..., None]:
    """Change a person's filters, or the delivery of one kind to them."""

    def change(person: User, kind: str = "", **values: object) -> None:
        if kind:
            found = default(KINDS[kind])
            row = {"badge": found.badge, "push": found.push, "mail": found.mail, "grouped": found.grouped, **values}
            db.session.merge(DeliveryPreference(user_id=person.id, kind=kind, **row))
        else:
            row = db.session.get(DeliveryProfile, person.id) or default_profile(person.id)
            for name, value in values.items():
                setattr(row, name, value)
            db.session.add(row)
        db.session.commit()

    return change
