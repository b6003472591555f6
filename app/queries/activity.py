"""What happened to a person. One condition builds page, badge, mail and push, so they cannot disagree."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.models import Activity, DeliveryPreference


def _shown(user_id: Any) -> ColumnElement[bool]:
    """Events that no filter holds back from their reader."""
    return and_(Activity.user_id == user_id, Activity.held_by == "")


def _unread(user_id: Any) -> ColumnElement[bool]:
    return and_(_shown(user_id), Activity.read_at.is_(None))


def _badge_is_off(user_id: Any) -> Select[str]:
    preference = DeliveryPreference
    return select(preference.kind).where(preference.user_id == user_id, preference.badge.is_(False))


def shown(user_id: int) -> Select[Activity]:
    """The events of the Activity page, with who did them and where."""
    return _whole(select(Activity).where(_shown(user_id)))


def unread(user_id: int, kinds: Collection[str]) -> Select[Activity]:
    """Of those, the unread ones of some kinds: what a mail or a push may tell."""
    return _whole(select(Activity).where(_unread(user_id), Activity.kind.in_(kinds)))


def held(user_id: int) -> Select[Activity]:
    """What the filters hold back."""
    return _whole(select(Activity).where(Activity.user_id == user_id, Activity.held_by != ""))


def unread_count_of(user_id: Any) -> ScalarSelect[int]:
    """The number of unread events that count in the badge, as part of another query; `user_id` may be a column."""
    counted = and_(_unread(user_id), Activity.kind.not_in(_badge_is_off(user_id)))
    return select(func.count()).select_from(Activity).where(counted).scalar_subquery()


def unread_count(user_id: int) -> int:
    """The badge."""
    return int(db.session.scalar(select(unread_count_of(user_id))) or 0)


def _whole(query: Select[Activity]) -> Select[Activity]:
    return query.options(joinedload(Activity.actor), joinedload(Activity.post))
