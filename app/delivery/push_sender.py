"""The push that tells one browser what is new: a poll made on its behalf, while no page of ours asks.

A push is sent because of something that this browser was not told yet. It then tells all that is unread of the last
day, not only that: push services keep the newest push for a browser that is away and drop the one before it
(Topic), and on its screen the newest replaces the older one (tag). So each must be whole, as the poller's states are.

It tells who did what and quotes nobody: it stands on a locked screen, for anybody to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import select

from app import mailer
from app.core.clock import now
from app.core.i18n import _n, in_language_of
from app.core.titles import group_title
from app.delivery import queries
from app.extensions import db
from app.jobs import current_job_id
from app.lib.locales import direction, tag
from app.lib.webpush import encryption, sending, vapid
from app.models import Activity, LoginSession, NotificationClock, PushSubscription, User
from app.notifications import preferences, quiet_hours, render, scheduling
from app.notifications.kinds import KINDS
from app.notifications.preferences import Preference
from app.queries import activity, members, unread

KEPT_FOR = timedelta(days=1)  # how long a push service keeps a push for a browser that is away
TOPIC = "news"  # of several that wait for a browser, a push service keeps the newest
MAX_EVENTS = 50  # events that are looked at
LINES = 4  # below the title
BODY_LENGTH = 2000  # bytes of those: all of it must fit into 4 KB
PADDED_TO = 512  # bytes, so that a push service learns little from the length


@dataclass(frozen=True)
class Line:
    """One line of a push: what happened, when (the person's clock), and what it leads to."""

    timestamp: float
    text: str
    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """What a push says, and up to where its browser then has been told."""

    message: dict[str, Any]
    told_until: float


def target(subscription_id: int) -> PushSubscription | None:
    """The browser of that id, if the login it belongs to is still good."""
    query = select(PushSubscription).join(LoginSession, LoginSession.id == PushSubscription.login_id)
    return db.session.scalar(query.where(PushSubscription.id == subscription_id, LoginSession.expires_at > now()))


def held_until(user: User) -> datetime | None:
    """Until when a person is not to be disturbed; None when they may be now."""
    moment = now()
    due = quiet_hours.may_tell_at(scheduling.times_of(user.id), moment)
    return due if due > moment else None


def news(user: User, told_until: float) -> News | None:
    """What is new for a person whose browser was told up to `told_until`; None when it is read, or nothing."""
    # Read first: what is at most as old is committed and seen by the queries below. Newer events order their own push.
    clock = db.session.scalar(select(NotificationClock.last).where(NotificationClock.user_id == user.id)) or 0.0
    since = min(told_until, clock - KEPT_FOR.total_seconds())
    with in_language_of(user) as language:
        lines = _lines(user.id, since, clock)
        if not lines or lines[0].timestamp <= told_until:
            return None
        first, *others = lines
        message = {
            "title": first.text,
            "body": _body(others),
            "url": _path(lines),
            "lang": tag(language),
            "dir": direction(language),
            "unread_message_count": unread.message_count(user.id),
            "unread_activity_count": activity.unread_count(user.id),
        }
    return News(message, clock)


def send(subscription: PushSubscription, news: News) -> None:
    """Send `news` to a browser. Raises as `sending.send` does.

    The id is that of the job: a second copy of a push is known by it, and makes no second sound.
    """
    endpoint = subscription.endpoint
    if not sending.is_allowed(endpoint, current_app.config["PUSH_HOSTS"]):
        raise sending.PushRejected(f"{urlsplit(endpoint).hostname} is none of PUSH_HOSTS")
    text = json.dumps({"id": current_job_id(), **news.message}, ensure_ascii=False).encode()
    body = encryption.encrypt(text, subscription.p256dh, subscription.auth, padded_to=PADDED_TO)
    sending.send(endpoint, body, _headers(endpoint))


def _headers(endpoint: str) -> dict[str, str]:
    config = current_app.config
    site, sender = config["SITE_URL"], parseaddr(config["MAIL_DEFAULT_SENDER"])[1]
    contact = site if site.startswith("https://") else f"mailto:{sender}"
    return {
        "TTL": str(int(KEPT_FOR.total_seconds())),
        "Urgency": "normal",
        "Topic": TOPIC,
        "Authorization": vapid.authorization(endpoint, config["VAPID_PRIVATE_KEY"], contact, now()),
    }


def _lines(user_id: int, since: float, until: float) -> list[Line]:
    """What is unread of the kinds that the person wants pushed, newest first."""
    grid = {kind: chosen for kind, chosen in preferences.grid(user_id).items() if chosen.push}
    lines = _of_messages(user_id, since, until) if "message" in grid else []
    events = db.session.scalars(
        activity.newest_first(activity.unread(user_id, grid))
        .where(Activity.timestamp > since, Activity.timestamp <= until)
        .limit(MAX_EVENTS)
    ).all()
    return sorted(lines + _of_events(events, grid), key=lambda line: line.timestamp, reverse=True)


def _of_messages(user_id: int, since: float, until: float) -> list[Line]:
    conversations: dict[int, list[queries.Unread]] = {}
    for one in queries.unread_by_sender(user_id, since, until):
        conversations.setdefault(one.conversation.id, []).append(one)
    names = members.names_in_nameless(user_id, [found[0].conversation for found in conversations.values()])
    return [_of_conversation(found, names.get(number, ())) for number, found in conversations.items()]


def _of_conversation(found: Sequence[queries.Unread], people: Sequence[str]) -> Line:
    first, count = found[0], sum(one.count for one in found)
    timestamp = max(one.timestamp for one in found)
    if first.conversation.is_group:
        group = group_title(first.conversation.name, people)
        words = _in_group(group, first.sender.display_name if len(found) == 1 else "", count)
        return Line(timestamp, words, "messages.conversation", {"conversation_id": first.conversation.id})
    name = first.sender.display_name
    text = _n("New message from %(name)s", "%(num)s new messages from %(name)s", count, name=name)
    return Line(timestamp, text, "messages.conversation", {"username": first.sender.username})


def _in_group(group: str, sender: str, count: int) -> str:
    """What is new in a group; `sender` is "" when several people wrote."""
    if sender:
        return _n(
            "New message from %(name)s in %(group)s",
            "%(num)s new messages from %(name)s in %(group)s",
            count,
            name=sender,
            group=group,
        )
    return _n("%(num)s new message in %(group)s", "%(num)s new messages in %(group)s", count, group=group)


def _of_events(events: Sequence[Activity], grid: Mapping[str, Preference]) -> list[Line]:
    together: dict[Any, list[Activity]] = {}
    for event in events:
        is_grouped = KINDS[event.kind].groups and grid[event.kind].grouped
        together.setdefault(event.kind if is_grouped else event.id, []).append(event)
    lines = []
    for some in together.values():
        line = render.render(some)
        lines.append(Line(some[0].timestamp, line.text, line.endpoint, line.values))
    return lines


def _body(lines: Sequence[Line]) -> str:
    """What stands below the title: as many lines as fit, and a sign that there is more."""
    shown: list[str] = []
    for line in lines[:LINES]:
        if len("\n".join([*shown, line.text]).encode()) > BODY_LENGTH:
            break
        shown.append(line.text)
    return "\n".join(shown if len(shown) == len(lines) else [*shown, "…"])


def _path(lines: Sequence[Line]) -> str:
    """Where a click leads: to the one thing, or to the page that shows all; without the name of the site."""
    if len(lines) == 1:
        address = mailer.site_url(lines[0].endpoint, **lines[0].values)
    elif all(line.endpoint == "messages.conversation" for line in lines):
        address = mailer.site_url("messages.inbox")
    else:
        address = mailer.site_url("activity.index")
    return urlsplit(address).path
