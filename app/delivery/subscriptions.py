"""Web Push subscriptions of browsers. No other module writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlalchemy import and_, case, delete, select, update

from app.core.database import insert_into
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.lib.webpush import keys, sending
from app.models import LoginSession, NotificationClock, PushSubscription, User
from app.queries import people

MAX_SUBSCRIPTIONS = 20  # per user; when exceeded, the oldest subscription is removed


def subscribe(login: LoginSession, endpoint: str, p256dh: str, auth: str, hosts: Collection[str]) -> None:
    """Subscribe the browser at `endpoint` for the user of `login`. The subscription ends with that login.

    If the browser is already subscribed, perhaps by another user, its subscription moves to this login and gets the new
    keys. If the subscription is new or moves to another user, pushes are sent only about events from now on.

    `hosts` are the push services that the site allows. Raises ActionError for another host or for invalid keys, and
    LoginEnded if the login has ended. The login is locked, because the subscription's row refers to it.
    """
    if not sending.is_allowed(endpoint, hosts):
        raise ActionError(_l("This site doesn't support your browser's push service."))
    try:
        keys.browser_key(p256dh)
        keys.browser_secret(auth)
    except ValueError:
        raise ActionError(_l("Your browser's push subscription isn't valid. Please try again.")) from None
    people.lock_login(login.id)
    known = select(NotificationClock.last).where(NotificationClock.user_id == login.user_id)
    values = {
        "user_id": login.user_id,
        "login_id": login.id,
        "endpoint": endpoint,
        "endpoint_hash": _hash(endpoint),
        "p256dh": keys.encode(keys.decode(p256dh)),  # encoded anew, because a client could send any amount of padding
        "auth": keys.encode(keys.decode(auth)),
        "told_until": db.session.scalar(known) or 0.0,
        "created_at": now(),
    }
    stmt = insert_into(PushSubscription).values(**values)
    new = {name: stmt.excluded[name] for name in values}
    is_same = PushSubscription.user_id == stmt.excluded.user_id
    new["told_until"] = case((is_same, PushSubscription.synced_until), else_=stmt.excluded.told_until)
    db.session.execute(stmt.on_conflict_do_update(index_elements=[PushSubscription.endpoint_hash], set_=new))
    _delete_oldest(login.user_id)


def unsubscribe(person: User, endpoint: str) -> None:
    """Delete this user's subscription of the browser at `endpoint`, if there is one."""
    mine = delete(PushSubscription).where(PushSubscription.user_id == person.id)
    db.session.execute(mine.where(PushSubscription.endpoint_hash == _hash(endpoint)))


def delete_subscription(subscription_id: int, endpoint: str) -> None:
    """Delete a subscription that its push service no longer knows.

    Nothing is deleted if the subscription with this id has another endpoint.
    """
    same = PushSubscription.endpoint_hash == _hash(endpoint)  # the id may belong to a new row by now
    db.session.execute(delete(PushSubscription).where(PushSubscription.id == subscription_id, same))


def mark_synced(subscription_id: int, user_id: int, synced_until: float) -> None:
    """Record that a browser was notified of everything up to `synced_until`.

    `synced_until` is a timestamp of the user's notification clock (app/notifications/user_clock.py). The stored value
    never decreases.
    """
    # Check the user, too: the subscription may have moved to another user, whose notification clock differs.
    same = and_(PushSubscription.id == subscription_id, PushSubscription.user_id == user_id)
    later = PushSubscription.synced_until < synced_until
    db.session.execute(update(PushSubscription).where(same, later).values(synced_until=synced_until))


def _delete_oldest(user_id: int) -> None:
    latest = select(PushSubscription.id).where(PushSubscription.user_id == user_id)
    latest = latest.order_by(PushSubscription.created_at.desc(), PushSubscription.id.desc())
    too_many = db.session.scalars(latest.offset(MAX_SUBSCRIPTIONS)).all()
    if too_many:
        db.session.execute(delete(PushSubscription).where(PushSubscription.id.in_(too_many)))


def _hash(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode("utf-8", "surrogatepass")).hexdigest()
