"""Group events into rows of the Activity page. A row shows one event, or several events of the same kind.

The events of a row have the same kind, the same post if they are about a post, the same calendar day in the reader's
time zone, and the same read state. Events on different pages are not grouped. A row shows the users who caused its
events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.activity import cursors
from app.core.exceptions import Sentence
from app.models import Activity, User
from app.notifications import render
from app.notifications.kinds import KINDS
from app.notifications.preferences import Preference
from app.queries.activity import place_of


@dataclass(frozen=True)
class Row:
    """A row of the Activity page."""

    events: list[Activity]  # newest first
    counts: bool  # whether the events count in the badge while they are unread

    @property
    def kind(self) -> str:
        """The kind of the row's events."""
        return self.events[0].kind

    @property
    def line(self) -> render.RenderedEvent:
        """The text and the link target of the row."""
        return render.render(self.events)

    @property
    def why(self) -> Sentence | None:
        """The explanation for "Why am I seeing this?"; None for a kind that this version doesn't know."""
        return KINDS[self.kind].why if self.kind in KINDS else None

    @property
    def is_unread(self) -> bool:
        """Whether the row's events are unread."""
        return self.events[0].read_at is None

    @property
    def has_dot(self) -> bool:
        """Whether the row shows a dot: it is unread and counts in the badge."""
        return self.is_unread and self.counts

    @property
    def moment(self) -> datetime:
        """The time of the row's newest event."""
        return self.events[0].created_at

    @property
    def actors(self) -> list[User]:
        """The users who caused the row's events, each once, latest first."""
        return list(dict.fromkeys(event.actor for event in self.events if event.actor is not None))

    @property
    def places(self) -> list[str]:
        """The cursors of the row's events."""
        return [cursors.write(place_of(event)) for event in self.events]


def rows(events: Sequence[Activity], grid: Mapping[str, Preference], day_of: Callable[[datetime], str]) -> list[Row]:
    """Group the events of a page into rows.

    `grid` contains the reader's preferences by kind, such as whether to group events of this kind. `day_of` returns the
    calendar day of a time in the reader's time zone.
    """
    made: list[Row] = []
    together: dict[tuple[str, int | None, str, bool], Row] = {}
    for event in events:
        preference = grid.get(event.kind)
        key = (event.kind, event.post_id, day_of(event.created_at), event.read_at is None)
        if key in together:
            together[key].events.append(event)
            continue
        made.append(Row([event], counts=preference is None or preference.badge))
        if preference is not None and preference.grouped and KINDS[event.kind].groups:
            together[key] = made[-1]
    return made
