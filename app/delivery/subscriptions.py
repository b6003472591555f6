"""Browsers that ask for Web Push, and those that want no more of it. The only writers of subscriptions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlalchemy import and_, case, delete, select, update

from app.core.clock import now
from app.core.database import insert_into
from app.core.errors import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.lib.webpush import keys, sending
from app.models import LoginSession, NotificationClock, PushSubscription, User

MAX_SUBSCRIPTIONS = 20  # browsers of one person; of more, the one that was not here for longest goes


def subscribe(login: LoginSession, endpoint: str, p256dh: str, auth: str, hosts: Collection[str]) -> None:
    """Tell the browser at `endpoint` what is new for the person of `login`, for as long as that login lasts.

    A browser that is known moves to this login with these keys: somebody else may have used it before. What its person
    knows by now counts as told. `hosts` are the push services of the site. Raises ActionError.
    """
    if not sending.is_allowed(endpoint, hosts):
        raise ActionError(_l("This site doesn't support your browser's push service."))
    try:
        keys.browser_key(p256dh)
        keys.browser_secret(auth)
    except ValueError:
        raise ActionError(_l("Your browser sent invalid keys.")) from None
    known = select(NotificationClock.last).where(NotificationClock.user_id == login.user_id)
    values = {
        "user_id": login.user_id,
        "login_id": login.id,
        "endpoint": endpoint,
        "endpoint_hash": _hash(endpoint),
        "p256dh": keys.encode(keys.decode(p256dh)),  # without padding, of which any length could be sent
        "auth": keys.encode(keys.decode(auth)),
        "told_until": db.session.scalar(known) or 0.0,
        "created_at": now(),
    }
    stmt = insert_into(PushSubscription).values(**values)
    new = {name: stmt.excluded[name] for name in values}
    is_same = PushSubscription.user_id == stmt.excluded.user_id
    new["told_until"] = case((is_same, PushSubscription.told_until), else_=stmt.excluded.told_until)
    db.session.execute(stmt.on_conflict_do_update(index_elements=[PushSubscription.endpoint_hash], set_=new))
    _forget_oldest(login.user_id)


def unsubscribe(person: User, endpoint: str) -> None:
    """Tell the browser at `endpoint` nothing more of this person. Twice changes nothing."""
    mine = delete(PushSubscription).where(PushSubscription.user_id == person.id)
    db.session.execute(mine.where(PushSubscription.endpoint_hash == _hash(endpoint)))


def forget(subscription: PushSubscription) -> None:
    """Forget a browser that its push service knows no more."""
    same = PushSubscription.endpoint_hash == subscription.endpoint_hash  # an id may be used again
    db.session.execute(delete(PushSubscription).where(PushSubscription.id == subscription.id, same))


def note_told(subscription: PushSubscription, told_until: float) -> None:
    """Note that a browser was told up to that time of its person's clock."""
    # It may have moved to somebody else meanwhile, whose clock is another one.
    same = and_(PushSubscription.id == subscription.id, PushSubscription.user_id == subscription.user_id)
    later = PushSubscription.told_until < told_until
    db.session.execute(update(PushSubscription).where(same, later).values(told_until=told_until))


def _forget_oldest(user_id: int) -> None:
    latest = select(PushSubscription.id).where(PushSubscription.user_id == user_id)
    latest = latest.order_by(PushSubscription.created_at.desc(), PushSubscription.id.desc())
    too_many = db.session.scalars(latest.offset(MAX_SUBSCRIPTIONS)).all()
    if too_many:
        db.session.execute(delete(PushSubscription).where(PushSubscription.id.in_(too_many)))


def _hash(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode("utf-8", "surrogatepass")).hexdigest()
