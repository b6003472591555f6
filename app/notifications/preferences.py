"""Delivery preferences of a user: one for each kind of event (the delivery grid), and a profile for all kinds.

Only changed rows are stored. Everything else has the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select

from app.extensions import db
from app.models import DeliveryPreference, DeliveryProfile, User
from app.notifications.kinds import KINDS, Kind
from app.notifications.quiet_hours import Hours


@dataclass(frozen=True)
class Preference:
    """How one kind of event is delivered to one user."""

    badge: bool
    push: bool
    mail: str  # one of kinds.MAILS
    grouped: bool


def default(kind: Kind) -> Preference:
    """Return the default preference for a kind."""
    return Preference(badge=True, push=kind.push, mail=kind.mail, grouped=kind.groups)


def grid(user_id: int) -> Mapping[str, Preference]:
    """Return a user's preference for every kind, by the kind's name. One query."""
    rows = db.session.scalars(_fresh(select(DeliveryPreference).where(DeliveryPreference.user_id == user_id)))
    said = {row.kind: Preference(row.badge, row.push, row.mail, row.grouped) for row in rows}
    return {name: said.get(name) or default(kind) for name, kind in KINDS.items()}


def profile(user_id: int) -> DeliveryProfile:
    """Return a user's delivery profile: the stored row, or an object with the defaults that is not in the session."""
    row = db.session.scalar(_fresh(select(DeliveryProfile).where(DeliveryProfile.user_id == user_id)))
    return row or default_profile(user_id)


def _fresh(query: Select[Any]) -> Select[Any]:
    """Make a query also refresh objects that the session has already loaded. Long jobs need current settings."""
    return query.execution_options(populate_existing=True)


def default_profile(user_id: int) -> DeliveryProfile:
    """Return the default profile: no quiet hours, digests at 8:00 and on Mondays, events accepted from everyone."""
    return DeliveryProfile(
        user_id=user_id,
        quiet_from=None,
        quiet_until=None,
        paused_until=None,
        digest_at=8 * 60,
        digest_weekday=0,
        not_following="accept",
        new_account="accept",
    )


def hours(user: User, chosen: DeliveryProfile) -> Hours:
    """Return a user's delivery hours, in their own time zone."""
    return Hours(
        zone=ZoneInfo(user.timezone or "UTC"),  # not Babel's: a pytz zone can't be combined with a date
        quiet_from=chosen.quiet_from,
        quiet_until=chosen.quiet_until,
        paused_until=chosen.paused_until,
        digest_at=chosen.digest_at,
        digest_weekday=chosen.digest_weekday,
    )
