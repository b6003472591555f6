"""A server on which ben was unkind to ana, and mia and max are moderators, root the admin."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from app.models import AuditEntry, Conversation, ConversationMember, Message, Report, User
from tests.factories import a_message, a_user
from tests.support.client import Browser


@dataclass
class Town:
    """The people, and what ben wrote: message 1 and 3 are his, 2 and 4 ana's."""

    ana: Browser
    ben: Browser
    mia: Browser
    max: Browser
    root: Browser
    messages: list[Message]

    @property
    def conversation(self) -> int:
        """The id of their conversation."""
        return self.messages[0].conversation_id


@pytest.fixture
def members(as_: Callable[..., Browser], db: SQLAlchemy) -> Town:
    """Everybody, logged in."""
    ana, ben = as_("ana"), as_("ben")
    mia, max_, root = a_user("mia", role="moderator"), a_user("max", role="moderator"), a_user("root", role="admin")
    words = ["You are a fool", "Please stop", "Never, fool", "My address is 5 Elm Street"]
    writers = [(ben.user, ana.user), (ana.user, ben.user)] * 2
    messages = [a_message(*pair, body) for pair, body in zip(writers, words, strict=True)]
    return Town(ana, ben, as_(mia), as_(max_), as_(root), messages)


def send_report(who: Browser, conversation: int, *seqs: int, note: str = "He insults me", **fields: str):
    """Tick messages and send the form, as the page has it."""
    path = f"/report/{conversation}"
    return who.submit(path, {"message": list(seqs), "note": note, **fields}, action=path)


@pytest.fixture
def reported(members: Town, db: SQLAlchemy) -> Report:
    """Messages 1 and 3, by ana."""
    assert send_report(members.ana, members.conversation, 1, 3).status_code == 303
    return newest_report(db)


def newest_report(db: SQLAlchemy) -> Report:
    """The newest report."""
    return db.session.scalars(select(Report).order_by(Report.id.desc())).first()


def view_evidence(moderator: Browser, report: Report) -> str:
    """The page of a report, with its evidence."""
    answer = moderator.submit(f"/moderation/{report.id}", {}, action=f"/moderation/{report.id}/look")
    assert answer.status_code == 303, answer.text
    return moderator.get(f"/moderation/{report.id}").text


def act_on(moderator: Browser, report: Report, deed: str, words: str | None = None):
    """A deed, by a form of the page."""
    data = {} if words is None else {"words": words}
    return moderator.post_form(f"/moderation/{report.id}/{deed}", data)


def last_note(answer) -> str:
    """The newest of the notes on a page; those before it are of requests whose page nobody opened."""
    found = re.findall(r'<div class="alert[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[-1])).split()) if found else ""


def audit_log(db: SQLAlchemy) -> list[tuple[str, str, str]]:
    """Who did what to whom, oldest first."""
    rows = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [(row.actor_name, row.action, row.person_name) for row in rows]


def a_group(db: SQLAlchemy, *people: User) -> Conversation:
    """A group of these people, in which nobody has written."""
    group = Conversation(name="Choir", pair_key=None, newest_seq=0)
    db.session.add(group)
    db.session.flush()
    for person in people:
        db.session.add(ConversationMember(conversation_id=group.id, user_id=person.id, state="accepted"))
    db.session.commit()
    return group
