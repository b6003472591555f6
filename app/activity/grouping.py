"""Events as the page shows them: one row each, or one row for several that say the same.

Grouped is what is of one kind, of one day of the reader's and equally read, within one page: so a row never moves what
is new into what is old, and nobody is hidden, as a row lists everybody in it.
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
    """One row of the page; several events in it are of one kind."""

    events: list[Activity]  # newest first
    counts: bool  # in the badge, when unread

    @property
    def kind(self) -> str:
        """What kind of event it is."""
        return self.events[0].kind

    @property
    def line(self) -> render.RenderedEvent:
        """Its sentence and where it leads."""
        return render.render(self.events)

    @property
    def why(self) -> Sentence | None:
        """The rule that made it; None for a kind that this version does not know."""
        return KINDS[self.kind].why if self.kind in KINDS else None

    @property
    def is_unread(self) -> bool:
        """Whether it was never rendered before."""
        return self.events[0].read_at is None

    @property
    def has_dot(self) -> bool:
        """Whether it is one of those that the badge counts."""
        return self.is_unread and self.counts

    @property
    def moment(self) -> datetime:
        """When it happened, the last time."""
        return self.events[0].created_at

    @property
    def actors(self) -> list[User]:
        """Who did it, the last one first."""
        return [event.actor for event in self.events if event.actor is not None]

    @property
    def places(self) -> list[str]:
        """Where its events stand, as text."""
        return [cursors.write(place_of(event)) for event in self.events]


def rows(events: Sequence[Activity], grid: Mapping[str, Preference], day_of: Callable[[datetime], str]) -> list[Row]:
    """The rows of a page. `grid` says what is grouped; `day_of` names the reader's day of a moment."""
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
