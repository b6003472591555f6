"""What the tests of groups share: three people whom ana may write to or not, and short ways to ask."""

from __future__ import annotations

import re
from html import unescape

from sqlalchemy import select

from app.models import Conversation, ConversationMember, Message
from tests.factories import acquainted


def acquaint(founder, *others) -> None:
    for other in others:
        acquainted(founder, other)


def begin(ana, to="ben cleo", name="Bakers", message="Bread?", **fields):
    return ana.post_form("/messages/groups", {"to": to, "name": name, "message": message, **fields})


def the_group(db) -> Conversation:
    return db.session.scalars(select(Conversation).where(Conversation.pair_key.is_(None))).one()


def states(db, group) -> dict[int, str]:
    side = ConversationMember
    rows = db.session.execute(select(side.user_id, side.state).where(side.conversation_id == group.id))
    return dict(rows.all())


def events(db, group) -> list[tuple[str, dict]]:
    rows = select(Message).where(Message.conversation_id == group.id, Message.kind != "text").order_by(Message.seq)
    return [(message.kind, message.args) for message in db.session.scalars(rows)]


def texts(page) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text)))
