"""Send one email about all pending items of a user. An item that causes an error does not block the others.

Items are unread events and conversations with unread messages. An item is left out if it can't be rendered, or if the
mail server rejects the email because of it. In its place, the email contains a notice with a link. The reason is stored
in the job's result, logged, and emailed to ADMINS.

A mail server does not say which item it rejects. So after a rejection, the next try leaves out the first item. If the
email is rejected again, the next try leaves out the second item instead, and so on. The last try leaves out all items.
If the server disconnects or times out, only this last try is made, because each try takes long.
"""

from __future__ import annotations

import smtplib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, render_template
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import mailer
from app.core.database import end_read_transaction
from app.delivery import unsubscribe_links
from app.extensions import db
from app.jobs import PermanentError, current_job_id
from app.mailer.message import Email
from app.models import Job, User
from app.notifications.kinds import KINDS
from app.notifications.scheduling import ESSENTIAL, WITHHELD, EmailSection, PendingBatch

MAX_TRIED = 8  # the maximum number of tries that leave out a single item
MAX_ATTEMPTS_FOR_ALL = 4  # attempts of the job; after these, a temporary rejection is treated like a permanent one

# Errors that are not caused by one item. The job fails and is retried, unless the error is permanent.
_NOT_THE_ITEM = (SQLAlchemyError, OSError, PermanentError)


@dataclass(frozen=True)
class OmittedItems:
    """The items that were left out of a sent email: their kinds, and the reason."""

    kinds: Sequence[str]
    reason: Exception


def send(user: User, cadence: str, waiting: Sequence[PendingBatch]) -> OmittedItems | None:
    """Send one email about all pending items. Return the items that were left out; None if the email is complete.

    Raises the errors of `deliver` (app/mailer/smtp.py).
    """
    letter = _Composer(user, cadence, waiting)
    first_refusal: Exception | None = None
    tries = list(_omissions(len(letter.parts)))
    while tries:
        without, *tries = tries
        try:
            mailer.deliver(letter.compose(without))
        except (mailer.ContentRejected, smtplib.SMTPDataError, smtplib.SMTPServerDisconnected) as error:
            first_refusal = first_refusal or error
            if not isinstance(error, mailer.ContentRejected) and _attempts() <= MAX_ATTEMPTS_FOR_ALL:
                raise
            if isinstance(error, smtplib.SMTPServerDisconnected):
                tries = tries[-1:]
        else:
            reason = first_refusal or letter.fault
            return OmittedItems(letter.kinds(without), reason) if reason else None
    raise first_refusal or RuntimeError("unreachable: the first try sends or refuses")


def _omissions(parts: int) -> Iterator[Collection[int]]:
    """Yield the numbers of the items to leave out in each try: none, then each of the first MAX_TRIED, then all."""
    yield ()
    if parts > 1:
        yield from ([number] for number in range(min(parts, MAX_TRIED)))
    yield range(parts)


def _attempts() -> int:
    attempts = db.session.scalars(select(Job.attempts).where(Job.id == current_job_id())).one()
    end_read_transaction()  # hold no transaction while the mail server works
    return attempts


@dataclass
class _Composer:
    """A composer of one email. It composes the email once for each try to send it.

    `broken` contains the numbers of the items that can't be rendered. `fault` is the first rendering error.
    """

    user: User
    cadence: str
    waiting: Sequence[PendingBatch]
    broken: set[int] = field(default_factory=set)
    fault: Exception | None = None

    def __post_init__(self) -> None:
        self.parts = [part for one in self.waiting for part in one.parts]
        for number, part in enumerate(self.parts):
            if part.template == WITHHELD:
                self._break(number, part.context["reason"])

    def kinds(self, without: Collection[int]) -> Sequence[str]:
        """Return the kinds of the items that are left out, without duplicates."""
        kinds = [one.kind for one in self.waiting for _part in one.parts]
        return sorted({kinds[number] for number in {*without, *self.broken}})

    def compose(self, without: Collection[int]) -> Email:
        """Compose the email. Replace the items numbered `without`, and items that can't be rendered, with a notice."""
        is_alone = len(self.parts) == 1 and not self.waiting[0].more
        if is_alone and not without and not self.broken:
            part = self.parts[0]
            try:
                return self._compose(part.template, part.context)
            except _NOT_THE_ITEM:
                raise
            except Exception as error:
                self._break(0, error)
        numbers = iter(range(len(self.parts)))
        sections = [
            {"label": KINDS[one.kind].label, "parts": [next(numbers) for _part in one.parts], "more": one.more}
            for one in self.waiting
        ]

        def item(number: int, form: str) -> str:
            return self._item(number, form, leave_out=number in without)

        events = sum(one.events for one in self.waiting)
        return self._compose("digest", {"cadence": self.cadence, "sections": sections, "events": events, "item": item})

    def _compose(self, template: str, context: Mapping[str, Any]) -> Email:
        headers: dict[str, str] = {}
        stops: list[dict[str, Any]] = []
        if self.cadence != ESSENTIAL:
            kinds = [one.kind for one in self.waiting if not KINDS[one.kind].essential]
            headers |= unsubscribe_links.headers(self.user, kinds)
            stops = [{"label": KINDS[kind].label, "url": unsubscribe_links.url(self.user, [kind])} for kind in kinds]
        threads = {part.thread for part in self.parts}
        if len(threads) == 1 and (thread := threads.pop()):
            headers |= mailer.thread_fields(f"{thread}.{self.user.id}")
        return mailer.compose(self.user, template, headers=headers, stops=stops, **context)

    def _item(self, number: int, form: str, *, leave_out: bool) -> str:
        """Render item `number` of a digest in the format `form`: "html" or "txt".

        If the item is left out or can't be rendered, render a notice with a link instead.
        """
        part = self.parts[number]
        if not leave_out and number not in self.broken:
            try:
                return _rendered(part, form)
            except _NOT_THE_ITEM:
                raise
            except Exception as error:
                self._break(number, error)
        try:
            url = mailer.site_url(part.place[0], **part.place[1])
        except Exception:  # the error may be in the item's own URL
            url = mailer.site_url("activity.index")
        return _rendered(EmailSection(WITHHELD, {"url": url}), form)

    def _break(self, number: int, error: Exception) -> None:
        self.broken.add(number)
        self.fault = self.fault or error
        current_app.logger.error("an item of an email could not be rendered", exc_info=error)


def _rendered(part: EmailSection, form: str) -> str:
    text = render_template(f"email/{part.template}/item.{form}", site_url=mailer.site_url, **part.context).strip()
    return Markup(text) if form == "html" else text  # noqa: S704 - our own template, which escapes
