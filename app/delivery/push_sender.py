"""Send one browser a Web Push about its user's unread notifications.

A push is sent only if there is a new unread notification since this browser's previous push. The push summarises all
unread notifications of the last day. If the previous push is older than a day, the push summarises all unread
notifications since then. It must be a complete summary, because only the newest push survives: a push service keeps one
push per Topic for an offline browser, and a browser shows one notification per tag.

A push says who did what but quotes no content, because it is visible on a locked screen.

All timestamps are of the user's notification clock (app/notifications/user_clock.py).
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
from sqlalchemy.exc import SQLAlchemyError

from app import mailer
from app.core.i18n import _n, in_language_of, isolated
from app.core.time import now
from app.core.titles import group_title, listed_names
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

TTL = timedelta(days=1)  # how long a push service keeps a push for an offline browser
TOPIC = "news"  # a push service keeps only the newest push with this topic
MAX_EVENTS = 50  # events that are loaded
LINES = 4  # lines of text below the title
BODY_LENGTH = 2000  # bytes of these lines, because a push may have only 4 KB
PADDED_TO = 512  # the text is padded to a multiple of this many bytes, to hide its length from the push service


@dataclass(frozen=True)
class Line:
    """A line of a push: its text, its timestamp, and the page that it links to."""

    timestamp: float
    text: str
    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PushContent:
    """The content of a push. After the push, the browser has been notified of everything up to `synced_until`."""

    message: dict[str, Any]
    synced_until: float


def target(subscription_id: int) -> PushSubscription | None:
    """Return the subscription with this id; None if it does not exist or its login has expired."""
    query = select(PushSubscription).join(LoginSession, LoginSession.id == PushSubscription.login_id)
    return db.session.scalar(query.where(PushSubscription.id == subscription_id, LoginSession.expires_at > now()))


def held_until(user: User) -> datetime | None:
    """Return when the user may be disturbed again, after quiet hours or a pause; None if they may be disturbed now."""
    moment = now()
    due = quiet_hours.next_allowed(scheduling.hours_of(user.id), moment)
    return due if due > moment else None


def pending_content(user: User, synced_until: float) -> PushContent | None:
    """Return the content of a push to a browser; None if nothing unread is newer than `synced_until`."""
    # Read the clock first. Everything up to this timestamp is committed and visible to the queries below. Newer events
    # schedule their own push.
    clock = db.session.scalar(select(NotificationClock.last).where(NotificationClock.user_id == user.id)) or 0.0
    since = min(synced_until, clock - TTL.total_seconds())
    with in_language_of(user) as language:
        lines = _lines(user.id, since, clock)
        if not lines or lines[0].timestamp <= synced_until:
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
    return PushContent(message, clock)


def send(subscription: PushSubscription, news: PushContent) -> None:
    """Send `news` to a browser. Raises PushRejected for a host outside PUSH_HOSTS, and the errors of `sending.send`.

    The push contains the job's id, so that the service worker recognises a repeated push and plays no second sound.
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
        "TTL": str(int(TTL.total_seconds())),
        "Urgency": "normal",
        "Topic": TOPIC,
        "Authorization": vapid.authorization(endpoint, config["VAPID_PRIVATE_KEY"], contact, now()),
    }


def _lines(user_id: int, since: float, until: float) -> list[Line]:
    """Return the lines of a push, newest first, about unread items between two timestamps.

    Kinds for which the user has turned off push are left out.
    """
    grid = {kind: chosen for kind, chosen in preferences.grid(user_id).items() if chosen.push}
    lines = _message_lines(user_id, since, until) if "message" in grid else []
    events = db.session.scalars(
        activity.newest_first(activity.unread(user_id, grid))
        .where(Activity.timestamp > since, Activity.timestamp <= until)
        .limit(MAX_EVENTS)
    ).all()
    return sorted(lines + _event_lines(events, grid), key=lambda line: line.timestamp, reverse=True)


def _message_lines(user_id: int, since: float, until: float) -> list[Line]:
    conversations: dict[int, list[queries.Unread]] = {}
    for one in queries.unread_by_sender(user_id, since, until):
        conversations.setdefault(one.conversation.id, []).append(one)
    people = members.others_in_nameless(user_id, [found[0].conversation for found in conversations.values()])
    return [_conversation_line(found, people.get(number, ())) for number, found in conversations.items()]


def _conversation_line(found: Sequence[queries.Unread], people: Sequence[User]) -> Line:
    first, count = found[0], sum(one.count for one in found)
    timestamp = max(one.timestamp for one in found)
    if first.conversation.is_group:
        sender = first.sender if len(found) == 1 else None
        words = _in_group(first.conversation.name, people, sender, count)
        return Line(timestamp, words, "messages.conversation", {"conversation_id": first.conversation.id})
    text = _from(first.sender, count)
    return Line(timestamp, text, "messages.conversation", {"username": first.sender.username})


def _from(sender: User, count: int) -> str:
    name = isolated(sender.display_name)
    return _n("New message from %(name)s", "%(num)s new messages from %(name)s", count, name=name)


def _in_group(group: str, people: Sequence[User], sender: User | None, count: int) -> str:
    """Describe the new messages in a group. `sender` is None if several members wrote them.

    `group` is the name of the group, or "". If the group has no name, the text names its other members, `people`.
    """
    others = isolated(listed_names(user.display_name for user in people if user is not sender))
    if sender is None:
        if group or not others:
            named = isolated(group_title(group, ()))
            return _n("%(num)s new message in %(group)s", "%(num)s new messages in %(group)s", count, group=named)
        return _n(
            "%(num)s new message in your conversation with %(people)s",
            "%(num)s new messages in your conversation with %(people)s",
            count,
            people=others,
        )
    if group:
        return _n(
            "New message from %(name)s in %(group)s",
            "%(num)s new messages from %(name)s in %(group)s",
            count,
            name=isolated(sender.display_name),
            group=isolated(group),
        )
    if not others:
        return _from(sender, count)
    return _n(
        "New message from %(name)s in your conversation with %(others)s",
        "%(num)s new messages from %(name)s in your conversation with %(others)s",
        count,
        name=isolated(sender.display_name),
        others=others,
    )


def _event_lines(events: Sequence[Activity], grid: Mapping[str, Preference]) -> list[Line]:
    together: dict[Any, list[Activity]] = {}
    for event in events:
        is_grouped = KINDS[event.kind].groups and grid[event.kind].grouped
        key = (event.kind, event.post_id) if is_grouped else event.id
        together.setdefault(key, []).append(event)
    return [_of_event(some) for some in together.values()]


def _of_event(events: Sequence[Activity]) -> Line:
    """Return the line of one event, or of several that are grouped.

    If rendering fails, the line only says that there is something new, so that the error does not block the push.
    """
    timestamp = events[0].timestamp
    try:
        made = render.render(events)
        mailer.site_url(made.endpoint, **made.values)  # may fail as well
        return Line(timestamp, made.text, made.endpoint, made.values)
    except SQLAlchemyError:
        raise
    except Exception:
        current_app.logger.exception("an event could not be rendered for a push")
        text = _n("%(num)s new notification", "%(num)s new notifications", len(events))
        return Line(timestamp, text, "activity.index")


def _body(lines: Sequence[Line]) -> str:
    """Return the text below the title: as many lines as fit, then "…" if there are more."""
    shown: list[str] = []
    for line in lines[:LINES]:
        if len("\n".join([*shown, line.text]).encode()) > BODY_LENGTH:
            break
        shown.append(line.text)
    return "\n".join(shown if len(shown) == len(lines) else [*shown, "…"])


def _path(lines: Sequence[Line]) -> str:
    """Return the URL path that a click on the push opens: the page of its only line, or a page that lists all items."""
    if len(lines) == 1:
        address = mailer.site_url(lines[0].endpoint, **lines[0].values)
    elif all(line.endpoint == "messages.conversation" for line in lines):
        address = mailer.site_url("messages.inbox")
    else:
        address = mailer.site_url("activity.index")
    return urlsplit(address).path
