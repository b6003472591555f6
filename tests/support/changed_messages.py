"""What tests of changed messages look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from app.models import Conversation, ConversationMember, Message, Notification

SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


def published_state(db: SQLAlchemy, browser: Any, name: str) -> Any:
    """The state of that name that a person's pages were told last."""
    row = (Notification.user_id == browser.user.id, Notification.name == name)
    return db.session.scalar(select(Notification.data).where(*row))


def messages(db: SQLAlchemy) -> list[Message]:
    """All messages; for tests with one conversation, as all of these are."""
    return list(db.session.scalars(select(Message).order_by(Message.seq)))


def conversation(db: SQLAlchemy) -> Conversation:
    """The conversation."""
    return db.session.scalars(select(Conversation)).one()


def member_of(db: SQLAlchemy, browser: Any) -> ConversationMember:
    """A person's side of it."""
    return db.session.scalars(select(ConversationMember).where(ConversationMember.user_id == browser.user.id)).one()


def address(db: SQLAlchemy, seq: int, act: str) -> str:
    """Where a message is changed."""
    return f"/messages/thread/{conversation(db).id}/{seq}/{act}"


def send(browser: Any, body: str, to: str = "ben") -> None:
    """Send a message through the form."""
    assert browser.post_form(f"/send_message/{to}", {"message": body}).status_code == 303


def age(db: SQLAlchemy, seconds: float) -> None:
    """Let all messages have been sent that much sooner."""
    for message in messages(db):
        message.created_at -= timedelta(seconds=seconds)
    db.session.commit()
