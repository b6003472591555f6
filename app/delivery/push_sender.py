"""Push what is new to one browser, as a poll would while a page is open.

A push is sent because of something new to this browser, but it contains everything unread of the last day. A push
service keeps only the newest push for an offline browser (Topic), and on the screen the newest replaces the older one
(tag). So each push must be complete, as the poller's states are.

A push says who did what and quotes no content, as it shows on a locked screen.
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

KEPT_FOR = timedelta(days=1)  # how long a push service keeps a push for an offline browser
TOPIC = "news"  # a push service keeps only the newest push with this topic
MAX_EVENTS = 50  # events that are loaded
LINES = 4  # below the title
BODY_LENGTH = 2000  # bytes of those lines: the whole push must fit into 4 KB
PADDED_TO = 512  # bytes, to hide the length of the text from the push service


@dataclass(frozen=True)
class Line:
    """One line of a push: what happened, when (on the user's clock), and the page it links to."""

    timestamp: float
    text: str
    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """The content of a push, and the timestamp up to which the browser is then up to date."""

    message: dict[str, Any]
    told_until: float


def target(subscription_id: int) -> PushSubscription | None:
    """Return the subscription with this id if its login is still valid."""
    query = select(PushSubscription).join(LoginSession, LoginSession.id == PushSubscription.login_id)
    return db.session.scalar(query.where(PushSubscription.id == subscription_id, LoginSession.expires_at > now()))


def held_until(user: User) -> datetime | None:
    """Return until when a user must not be disturbed; None if they may be notified now."""
    moment = now()
    due = quiet_hours.may_tell_at(scheduling.times_of(user.id), moment)
    return due if due > moment else None


def news(user: User, told_until: float) -> News | None:
    """Return what is new to a user's browser since `told_until`; None if all of it is read or there is nothing."""
    # Read the clock first. Everything up to it is committed and visible to the queries below; newer events schedule
    # their own push.
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

    The push carries the job's id, so the service worker recognises a second copy and plays no second sound.
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
    """Return the unread items of the kinds that the user wants pushed, newest first."""
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
    """Describe the new messages in a group; `sender` is "" if several members wrote."""
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
    """Return the text below the title: as many lines as fit, and "…" if there are more."""
    shown: list[str] = []
    for line in lines[:LINES]:
        if len("\n".join([*shown, line.text]).encode()) > BODY_LENGTH:
            break
        shown.append(line.text)
    return "\n".join(shown if len(shown) == len(lines) else [*shown, "…"])


def _path(lines: Sequence[Line]) -> str:
    """Return the path that a click opens: the page of the only item, or a page that lists all."""
    if len(lines) == 1:
        address = mailer.site_url(lines[0].endpoint, **lines[0].values)
    elif all(line.endpoint == "messages.conversation" for line in lines):
        address = mailer.site_url("messages.inbox")
    else:
        address = mailer.site_url("activity.index")
    return urlsplit(address).path
