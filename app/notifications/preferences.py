"""A user's delivery settings: the channels for each kind of event, and the times for all kinds.

The channels are badge, push and email (DeliveryPreference). The times are quiet hours, pauses and digests
(DeliveryProfile).

Only settings that the user has changed are stored. All others have their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, bindparam, func, select

from app.core.database import built_once, execute_core
from app.extensions import db
from app.models import DeliveryPreference, DeliveryProfile, PushSubscription, User
from app.notifications.kinds import KINDS, Kind
from app.notifications.quiet_hours import Hours

DIGEST_AT = 8 * 60  # minutes after midnight, unless the user chose another time


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
    """Return a user's preference for every kind, by the kind's name. Runs one query."""
    rows = db.session.scalars(_grid(), {"user_id": user_id})
    said = {row.kind: Preference(row.badge, row.push, row.mail, row.grouped) for row in rows}
    return {name: said.get(name) or default(kind) for name, kind in KINDS.items()}


def profile(user_id: int) -> DeliveryProfile:
    """Return a user's delivery profile: the stored row, or an unsaved object with the defaults."""
    row = db.session.scalar(_profile(), {"user_id": user_id})
    return row or default_profile(user_id)


# Refresh objects that the session has already loaded. Long jobs need current settings.
_FRESH = {"populate_existing": True}


@built_once
def _grid() -> Select[DeliveryPreference]:
    query = select(DeliveryPreference).where(DeliveryPreference.user_id == bindparam("user_id"))
    return query.execution_options(**_FRESH)


@built_once
def _profile() -> Select[DeliveryProfile]:
    query = select(DeliveryProfile).where(DeliveryProfile.user_id == bindparam("user_id"))
    return query.execution_options(**_FRESH)


def default_profile(user_id: int) -> DeliveryProfile:
    """Return the default profile: no quiet hours, digests at 8:00 and on Mondays, events accepted from everyone."""
    return DeliveryProfile(
        user_id=user_id,
        quiet_from=None,
        quiet_until=None,
        paused_until=None,
        digest_at=DIGEST_AT,
        digest_weekday=0,
        not_following="accept",
        new_account="accept",
    )


def hours(user: User, chosen: DeliveryProfile) -> Hours:
    """Return the quiet hours, pause and digest times of the profile `chosen`, in the user's time zone."""
    return _hours(user.timezone, chosen)


@dataclass(frozen=True)
class Delivery:
    """How one kind of event is delivered to one user, and to which browsers pushes are sent."""

    push: bool
    mail: str
    hours: Hours
    browsers: Sequence[int]  # ids of PushSubscription, in order


def delivery(user_id: int, kind: str) -> Delivery:
    """Return how events of a kind are delivered to a user. Runs one query."""
    rows = execute_core(_delivery(), {"user_id": user_id, "kind": kind}).all()
    first, usual = rows[0], default(KINDS[kind])
    return Delivery(
        push=usual.push if first.push is None else first.push,
        mail=first.mail or usual.mail,
        hours=_hours(first.timezone, first),
        browsers=[row.browser for row in rows if row.browser is not None],
    )


@built_once
def _delivery() -> Select[*tuple[Any, ...]]:
    # Built once, because it runs for each message while the recipient's clock is locked. It returns a row per browser.
    profile, preference, browser = DeliveryProfile, DeliveryPreference, PushSubscription
    chosen = and_(preference.user_id == User.id, preference.kind == bindparam("kind"))
    return (
        select(
            User.timezone,
            profile.quiet_from,
            profile.quiet_until,
            profile.paused_until,
            func.coalesce(profile.digest_at, DIGEST_AT).label("digest_at"),
            func.coalesce(profile.digest_weekday, 0).label("digest_weekday"),
            preference.push,
            preference.mail,
            browser.id.label("browser"),
        )
        .outerjoin(profile, profile.user_id == User.id)
        .outerjoin(preference, chosen)
        .outerjoin(browser, browser.user_id == User.id)
        .where(User.id == bindparam("user_id"))
        .order_by(browser.id)
    )


def _hours(timezone: str, chosen: Any) -> Hours:
    return Hours(
        zone=ZoneInfo(timezone or "UTC"),  # a pytz zone, as from Babel, is wrong in datetime.combine()
        quiet_from=chosen.quiet_from,
        quiet_until=chosen.quiet_until,
        paused_until=chosen.paused_until,
        digest_at=chosen.digest_at,
        digest_weekday=chosen.digest_weekday,
    )
