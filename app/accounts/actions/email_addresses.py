"""E-mail addresses: confirming one, and moving to another that was confirmed first."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.accounts.actions import email_links
from app.accounts.actions.notices import enqueue_notice
from app.accounts.actions.registration import ADDRESS_TAKEN, mailable
from app.accounts.refusals import FormError
from app.core.clock import now
from app.core.errors import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.lib.text.names import email_key
from app.models import MailToken, User


def send_confirmation(user: User) -> None:
    """Order another mail that asks to confirm the address. Raises ActionError when it is confirmed."""
    if user.email_confirmed_at is not None:
        raise ActionError(_l("Your email address is already confirmed."))
    email_links.enqueue_link(user, "confirm", user.email)


def confirm_email(link: MailToken) -> None:
    """Use up `link`: the address it was sent to is the person's. Raises ActionError when it is not good any more."""
    email_links.use(link)
    confirmed = db.session.scalar(
        update(User)
        .where(User.id == link.user_id, User.email == link.email)
        .values(email_confirmed_at=now())
        .returning(User.id)
    )
    if confirmed is None:
        raise ActionError(_l("Your account now uses a different email address."))


def request_email_change(user: User, address: str) -> None:
    """Order the email that asks at the new address; nothing changes before the answer.

    The person has just shown that they know their password. Whether the address is in use is not asked here: the job
    tells its owner, and nobody else (decision 15). Raises FormError when the text is no address, or the person's own.
    """
    address = mailable(address)
    if address == user.email:
        raise FormError({"email": _l("You're already using this email address.")})
    email_links.enqueue_link(user, "change_email", address)


def move_to_email(link: MailToken) -> None:
    """Use up `link`: its address, now confirmed, becomes the person's, and the former one is told.

    Raises ActionError when the link is not good any more, or somebody else has that address by now.
    """
    email_links.use(link)
    user, former = link.user, link.user.email
    try:
        with db.session.begin_nested():
            user.email, user.email_key = link.email, email_key(link.email)
            user.email_confirmed_at = now()
    except IntegrityError as error:
        raise ActionError(ADDRESS_TAKEN) from error
    email_links.end(user, "confirm", "reset")
    enqueue_notice(user, "email_changed", to=former)
