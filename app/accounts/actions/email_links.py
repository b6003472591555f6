"""Create, invalidate and use emailed links.

A link and the job that emails it are created in one transaction. A link works once. A newer link for the same purpose
replaces it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from app.accounts.link_tokens import LIFETIMES, Purpose
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.jobs import enqueue
from app.models import MailToken, User

NOBODY = NO_LINK = 0  # no row has this id: ids start at 1


def enqueue_link(user: User, purpose: Purpose, address: str) -> None:
    """Enqueue an email with a link for `purpose` to `address`. An older link for the same purpose becomes invalid."""
    _lock(user.id)  # serialises concurrent requests, so that the newer link replaces the older one
    revoke(user, purpose)
    moment = now()
    row = MailToken(
        user_id=user.id,
        purpose=purpose,
        email=address,
        created_at=moment,
        expires_at=moment + LIFETIMES[purpose],
    )
    db.session.add(row)
    db.session.flush()
    enqueue("accounts.mail_link", token_id=row.id, nonce=row.nonce)


def enqueue_nothing() -> None:
    """Run the same SQL statements as `enqueue_link`, but send no email.

    The caller uses this for an address that has no account. The response then takes the same time as for an address
    with an account, so it does not reveal whether the address has one.
    """
    _lock(NOBODY)
    _revoke(NOBODY, ["reset"])
    columns = [MailToken.user_id, MailToken.purpose, MailToken.email, MailToken.nonce, MailToken.expires_at]
    db.session.execute(insert(MailToken).from_select(columns, select(*columns).where(MailToken.id == NO_LINK)))
    enqueue("accounts.mail_link", token_id=NO_LINK, nonce="")


def revoke(user: User, *purposes: Purpose) -> None:
    """Invalidate the links of `user` for `purposes`."""
    _revoke(user.id, purposes)


def use_up(row: MailToken) -> None:
    """Delete the row of a link, so that the link cannot be used again.

    Raises ActionError if the link is no longer valid: it was used or replaced, or it has expired.
    """
    _lock(row.user_id)
    used = db.session.scalar(
        delete(MailToken)
        .where(MailToken.id == row.id, MailToken.nonce == row.nonce, MailToken.expires_at > now())
        .returning(MailToken.id)
    )
    if used is None:
        raise ActionError(_l("This link has expired or has already been used."))


def _revoke(user_id: int, purposes: Sequence[str]) -> None:
    db.session.execute(delete(MailToken).where(MailToken.user_id == user_id, MailToken.purpose.in_(purposes)))


def _lock(user_id: int) -> None:
    """Lock the row of a user until the commit.

    To prevent deadlocks, every transaction locks this row before it writes links of the user.
    """
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
