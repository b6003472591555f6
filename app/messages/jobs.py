"""Doors (queue) of private messages."""

from __future__ import annotations

from sqlalchemy import update

from app import mailer
from app.database import end_reading, writing
from app.extensions import db
from app.jobs import job
from app.messages import queries
from app.models import ConversationMember, User


@job("messages.email_recipient", queue="mail", timeout=90)
def email_recipient(conversation_id: int, recipient_id: int) -> None:
    """Mail "you have a message", unless everything was read meanwhile: one mail for all that waits.

    Run twice, the second run finds that these messages were told about. Killed between the mail server's "OK" and our
    commit, it sends a second copy with the same Message-ID.
    """
    recipient = db.session.get(User, recipient_id)
    waiting = queries.waiting_for_mail(conversation_id, recipient_id)
    if recipient is None or not recipient.is_active or waiting is None:
        return
    last = waiting.newest[-1]
    end_reading()  # nothing is held while the mail server thinks
    mailer.send(recipient, "new_message", sender=last.sender, messages=waiting.newest, count=waiting.count)
    member = update(ConversationMember).where(
        ConversationMember.conversation_id == conversation_id,
        ConversationMember.user_id == recipient_id,
        ConversationMember.mailed_seq < last.seq,
    )
    with writing():
        db.session.execute(member.values(mailed_seq=last.seq))
