"""Email addresses: confirming one, and changing to a new one that is confirmed first."""

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
    """Enqueue another confirmation email. Raise ActionError if the address is already confirmed."""
    if user.email_confirmed_at is not None:
        raise ActionError(_l("Your email address is already confirmed."))
    email_links.enqueue_link(user, "confirm", user.email)


def confirm_email(link: MailToken) -> None:
    """Use up `link` and mark the address it was sent to as confirmed.

    Raise ActionError if the link is no longer valid, or the account uses another address now.
    """
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
    """Enqueue the confirmation email to the new address. Nothing changes until it is confirmed.

    The caller has just checked the password. This does not check whether the address is in use: only the job tells its
    owner (decision 15). Raise FormError if the text is not an address, or is the user's current one.
    """
    address = mailable(address)
    if address == user.email:
        raise FormError({"email": _l("You're already using this email address.")})
    email_links.enqueue_link(user, "change_email", address)


def move_to_email(link: MailToken) -> None:
    """Use up `link`, make its address the user's confirmed address, and notify the former address.

    Raise ActionError if the link is no longer valid, or another account has the address by now.
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
