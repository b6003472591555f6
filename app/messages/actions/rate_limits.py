"""Rate limits on sending messages. The limits are lower for new accounts.

The limits are checked with SQL queries that count the stored messages and conversations of the sender.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from app.core.database import built_once
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import Conversation, Message, User

NEW_FOR = timedelta(days=7)  # how long an account counts as new
UNANSWERED = 3  # maximum number of messages in a message request before it is answered
DRAFTS = 100  # maximum number of conversations that a user started and that contain only drafts


class Limits(NamedTuple):
    """How many messages a user may send, and how many new conversations they may start."""

    a_minute: int  # messages
    a_day: int  # messages
    strangers_a_day: int  # new conversations


KNOWN = Limits(a_minute=30, a_day=500, strangers_a_day=30)
NEW = Limits(a_minute=10, a_day=100, strangers_a_day=8)


def limits_of(sender: User) -> Limits:
    """Return the limits for a sender, which are lower for a new account."""
    return NEW if sender.created_at > now() - NEW_FOR else KNOWN


class Sent(NamedTuple):
    """Counts of a user's sent messages and started conversations. They are compared with the rate limits."""

    message_id: int | None  # of the message that the same form has sent before
    a_minute: int  # messages within the last minute
    a_day: int  # messages within the last day
    here: int  # messages in this conversation; unsent messages don't count
    begun: int  # conversations started within a day; those with only drafts don't count


def sent(sender: User, conversation: Conversation) -> Sent:
    """Count the messages that the sender has sent and the conversations that they have started. Runs one query."""
    return Sent(*db.session.execute(_sent(), parameters(sender, conversation, None)).one())


def parameters(sender: User, conversation: Conversation, form_key: str | None) -> dict[str, Any]:
    """Return the values of the parameters in the SQL expressions that `columns` returns."""
    moment = now()
    return {
        "sender_id": sender.id,
        "conversation_id": conversation.id,
        "form_key": form_key,
        "a_minute_ago": moment - timedelta(minutes=1),
        "a_day_ago": moment - timedelta(days=1),
    }


def check(sender: User, conversation: Conversation, sent: Sent, *, waits: bool) -> None:
    """Raise ActionError if the sender may not send another message in the conversation because of a rate limit.

    `waits` says whether the conversation is a message request that the recipient has not answered. The number of
    messages in such a request is limited.
    """
    limits = limits_of(sender)
    if waits and sent.here >= UNANSWERED:
        raise ActionError(_l("Please wait for a reply before sending more. Your text is still here."))
    if conversation.newest_seq == 0 and sent.begun >= limits.strangers_a_day:
        raise ActionError(_l("You've reached today's limit for new conversations. Your text is still here."))
    if sent.a_minute >= limits.a_minute:
        raise ActionError(_l("You're sending messages too fast. Please wait a minute. Your text is still here."))
    if sent.a_day >= limits.a_day:
        raise ActionError(_l("You've reached today's message limit. Your text is still here."))


def may_begin_draft(writer: User) -> bool:
    """Return whether the writer may start another conversation by saving a draft.

    The writer must have started fewer than DRAFTS conversations that contain only drafts.
    """
    empty = (Conversation.started_by_id == writer.id, Conversation.newest_seq == 0)
    return (db.session.scalar(select(func.count()).select_from(Conversation).where(*empty)) or 0) < DRAFTS


@built_once
def _sent() -> Select[*tuple[Any, ...]]:
    return select(*columns())


def columns() -> tuple[ColumnElement[Any], ...]:
    """Return SQL expressions for the fields of Sent, in the same order.

    The expressions contain parameters. The function `parameters` returns the values.
    """
    own, begun = Message.sender_id == bindparam("sender_id"), Conversation.started_by_id == bindparam("sender_id")
    # Unsent messages and changes of a group's name count too.
    counted = Message.kind.in_(("text", "undone", "named"))
    here = (Message.conversation_id == bindparam("conversation_id"), own, Message.kind != "undone")
    begun_today = (begun, Conversation.started_at > bindparam("a_day_ago"), Conversation.newest_seq > 0)
    count = select(func.count())
    return (
        select(Message.id).where(Message.form_key == bindparam("form_key")).scalar_subquery(),
        *(
            count.select_from(Message).where(own, Message.created_at > bindparam(since), counted).scalar_subquery()
            for since in ("a_minute_ago", "a_day_ago")
        ),
        count.select_from(Message).where(*here).scalar_subquery(),
        count.select_from(Conversation).where(*begun_today).scalar_subquery(),
    )
