"""Grouping events into rows: one row per event, or one row for several events of the same kind.

Events are grouped by kind, by the reader's calendar day and by whether they were read, within one page. So a row never
mixes unread and read events. A row lists all its actors, so none is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.activity import cursors
from app.core.errors import Sentence
from app.models import Activity, User
from app.notifications import render
from app.notifications.kinds import KINDS
from app.notifications.preferences import Preference
from app.queries.activity import place_of


@dataclass(frozen=True)
class Row:
    """One row of the page; all its events are of one kind."""

    events: list[Activity]  # newest first
    counts: bool  # whether the badge counts it when unread

    @property
    def kind(self) -> str:
        """The kind of the events."""
        return self.events[0].kind

    @property
    def line(self) -> render.RenderedEvent:
        """The rendered sentence and its link."""
        return render.render(self.events)

    @property
    def why(self) -> Sentence | None:
        """The rule that caused the events; None for a kind that this version does not know."""
        return KINDS[self.kind].why if self.kind in KINDS else None

    @property
    def is_unread(self) -> bool:
        """Whether the row was never shown before."""
        return self.events[0].read_at is None

    @property
    def has_dot(self) -> bool:
        """Whether the badge counts this row."""
        return self.is_unread and self.counts

    @property
    def moment(self) -> datetime:
        """The time of the latest event."""
        return self.events[0].created_at

    @property
    def actors(self) -> list[User]:
        """The actors of the events, latest first."""
        return [event.actor for event in self.events if event.actor is not None]

    @property
    def places(self) -> list[str]:
        """The cursors of the events, as text."""
        return [cursors.write(place_of(event)) for event in self.events]


def rows(events: Sequence[Activity], grid: Mapping[str, Preference], day_of: Callable[[datetime], str]) -> list[Row]:
    """Return the rows of a page.

    `grid` says which kinds are grouped; `day_of` returns the reader's calendar day of a time.
    """
    made: list[Row] = []
    together: dict[tuple[str, str, bool], Row] = {}
    for event in events:
        preference = grid.get(event.kind)
        key = (event.kind, day_of(event.created_at), event.read_at is None)
        if key in together:
            together[key].events.append(event)
            continue
        made.append(Row([event], counts=preference is None or preference.badge))
        if preference is not None and preference.grouped and KINDS[event.kind].groups:
            together[key] = made[-1]
    return made
