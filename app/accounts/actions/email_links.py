"""Emailed links: created in one transaction with the job that sends them, valid once, replaced by a newer one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from app.accounts.link_tokens import GOOD_FOR, Purpose
from app.core.clock import now
from app.core.errors import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.jobs import enqueue
from app.models import MailToken, User

NOBODY = NO_LINK = 0  # row ids start at 1


def enqueue_link(user: User, purpose: Purpose, address: str) -> None:
    """Enqueue an email with a link for `purpose` to `address`. An older link for the same purpose becomes invalid."""
    _lock(user.id)  # serialises concurrent requests, so that the newer link replaces the older one
    end(user, purpose)
    moment = now()
    row = MailToken(
        user_id=user.id,
        purpose=purpose,
        email=address,
        created_at=moment,
        expires_at=moment + GOOD_FOR[purpose],
    )
    db.session.add(row)
    db.session.flush()
    enqueue("accounts.mail_link", token_id=row.id, nonce=row.nonce)


def enqueue_nothing() -> None:
    """Run the statements of `enqueue_link` for an unknown address, so that both take the same time.

    No email is sent.
    """
    _lock(NOBODY)
    _end(NOBODY, ["reset"])
    columns = [MailToken.user_id, MailToken.purpose, MailToken.email, MailToken.nonce, MailToken.expires_at]
    db.session.execute(insert(MailToken).from_select(columns, select(*columns).where(MailToken.id == NO_LINK)))
    enqueue("accounts.mail_link", token_id=NO_LINK, nonce="")


def end(user: User, *purposes: Purpose) -> None:
    """Invalidate the links of `user` for `purposes`."""
    _end(user.id, purposes)


def use(row: MailToken) -> None:
    """Use up a link. Raise ActionError if it was used, replaced or expired meanwhile."""
    _lock(row.user_id)
    used = db.session.scalar(
        delete(MailToken)
        .where(MailToken.id == row.id, MailToken.nonce == row.nonce, MailToken.expires_at > now())
        .returning(MailToken.id)
    )
    if used is None:
        raise ActionError(_l("This link has expired or has already been used."))


def _end(user_id: int, purposes: Sequence[str]) -> None:
    db.session.execute(delete(MailToken).where(MailToken.user_id == user_id, MailToken.purpose.in_(purposes)))


def _lock(user_id: int) -> None:
    """Lock the user. Every transaction does so before it writes the user's links, to avoid deadlock."""
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
