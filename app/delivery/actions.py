"""Actions that change a user's delivery settings. No other module writes them.

The settings are the grid (a row for each kind of notification) and the profile (the settings for all kinds).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import DeliveryPreference, DeliveryProfile, User
from app.notifications import preferences, publish_activity_count, scheduling
from app.notifications.kinds import KINDS, MAILS
from app.notifications.preferences import Preference
from app.notifications.sender_filters import CHOICES

PAUSE = timedelta(hours=2)
MINUTES = range(24 * 60)
WEEKDAYS = range(7)  # 0 = Monday

Columns = tuple[str, ...]  # names of columns


@dataclass(frozen=True, kw_only=True)
class ProfileChange:
    """New delivery settings for all kinds of notifications. Times are in minutes after the user's midnight."""

    quiet_from: int | None  # both None = no quiet hours
    quiet_until: int | None
    digest_at: int
    digest_weekday: int
    not_following: str  # one of sender_filters.CHOICES
    new_account: str


def save_grid(person: User, wanted: Mapping[str, Preference]) -> None:
    """Store the preferences in `wanted`, by kind of notification, and publish the new badge count.

    Only preferences that differ from the current ones are stored. A kind without a stored preference uses its default
    (app/notifications/kinds.py), even if a later version changes the default. Raises ActionError for an unknown kind or
    cadence.
    """
    for name, preference in wanted.items():
        _known(name)
        if preference.mail not in MAILS:
            raise ActionError(_l("Choose how often to get email: immediately, daily, weekly or never."))
    before = preferences.grid(person.id)
    changed = {name: preference for name, preference in wanted.items() if preference != before[name]}
    _store_rows(person, changed, ("badge", "push", "mail", "grouped"))
    if changed:
        publish_activity_count(person.id)


def disable_email(person: User, kinds: Collection[str]) -> None:
    """Turn off email about these kinds of notifications. Push and badge stay unchanged.

    Raises ActionError for an unknown kind.
    """
    for name in kinds:
        _known(name)
    _store_rows(person, {name: replace(preferences.default(KINDS[name]), mail="none") for name in kinds}, ("mail",))


def save_profile(person: User, change: ProfileChange) -> None:
    """Store quiet hours, digest times and sender filters. A pause stays unchanged.

    New filters apply only to later events. Events that are already in the filtered notifications stay there. Raises
    ActionError for invalid values.
    """
    if (change.quiet_from is None) != (change.quiet_until is None):
        raise ActionError(_l("Enter a start and an end time for quiet hours."))
    if change.quiet_from is not None and change.quiet_from == change.quiet_until:
        raise ActionError(_l("The start and end times must be different."))
    times = (change.quiet_from, change.quiet_until, change.digest_at)
    if any(minutes is not None and minutes not in MINUTES for minutes in times):
        raise ActionError(_l("Enter a time between 00:00 and 23:59."))
    if change.digest_weekday not in WEEKDAYS:
        raise ActionError(_l("Choose a day of the week."))
    if change.not_following not in CHOICES or change.new_account not in CHOICES:
        raise ActionError(_l("Choose Accept, Filter or Ignore."))
    _store_profile(person, asdict(change))


def pause(person: User) -> None:
    """Pause email, push and sounds for two hours from now. Badges still update."""
    _store_profile(person, {"paused_until": now() + PAUSE})


def resume(person: User) -> None:
    """End the pause of email, push and sounds. Do nothing if there is no pause."""
    _store_profile(person, {"paused_until": None})


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise ActionError(_l("This kind of notification doesn't exist."))


def _store_rows(person: User, rows: Mapping[str, Preference], change: Columns) -> None:
    # Sorted to prevent a deadlock when two tabs save at the same time.
    values = [{"user_id": person.id, "kind": name, **asdict(rows[name])} for name in sorted(rows)]
    if values:
        _upsert(DeliveryPreference, values, change)
        scheduling.reschedule(person.id)


def _store_profile(person: User, values: Mapping[str, Any]) -> None:
    """Store the columns in `values` in the person's delivery profile. Leave the other columns unchanged.

    So if one tab pauses notifications while another tab saves settings, neither overwrites the other's change.
    """
    empty = preferences.default_profile(person.id)
    whole = {column.key: getattr(empty, column.key) for column in DeliveryProfile.__table__.columns}
    _upsert(DeliveryProfile, [{**whole, **values}], tuple(values))
    scheduling.reschedule(person.id)


def _upsert(table: Any, rows: Sequence[Mapping[str, Any]], change: Columns) -> None:
    """Insert the rows. If a row with the same key exists, update only its columns in `change`."""
    stmt = insert_into(table).values(rows)
    stmt = stmt.on_conflict_do_update(
        index_elements=list(table.__table__.primary_key),
        set_={column: stmt.excluded[column] for column in change},
    )
    db.session.execute(stmt)
