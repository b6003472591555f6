"""Actions that confirm or change an email address. A changed address takes effect when the user confirms it."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.actions import email_links
from app.accounts.actions.notices import enqueue_notice
from app.accounts.actions.registration import ADDRESS_TAKEN, deliverable_address
from app.accounts.errors import FormError
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.lib.text.names import email_key
from app.models import MailToken, User


def send_confirmation(user: User) -> None:
    """Enqueue another confirmation email. Raises ActionError if the address is already confirmed."""
    if user.email_confirmed_at is not None:
        raise ActionError(_l("Your email address is already confirmed."))
    email_links.enqueue_link(user, "confirm", user.email)


def confirm_email(link: MailToken) -> None:
    """Confirm the email address to which `link` was sent. The link cannot be used again.

    Raises ActionError if the link is no longer valid, or if the account now uses another address.
    """
    email_links.use_up(link)
    confirmed = db.session.scalar(
        update(User)
        .where(User.id == link.user_id, User.email == link.email)
        .values(email_confirmed_at=now())
        .returning(User.id)
    )
    if confirmed is None:
        raise ActionError(_l("Your account now uses a different email address."))


def request_email_change(user: User, address: str) -> None:
    """Enqueue an email to the new address. It contains a link that changes the user's address.

    The caller must first check the password. If another account uses the address, the job emails the owner of that
    account instead. This is not an error, because an error would reveal that the address is in use
    (docs/decisions/0015-registration.md).

    Raises FormError if `address` is invalid or is the user's current address. Raises ActionError if the account was
    closed or its password changed since the check.
    """
    address = deliverable_address(address)
    if address == user.email:
        raise FormError({"email": _l("You're already using this email address.")})
    # A password change revokes the emailed links, so the old password must not create another one afterwards.
    known = select(User.id).where(User.id == user.id, User.active, User.password_hash == user.password_hash)
    if db.session.scalar(known.with_for_update(key_share=True)) is None:
        raise ActionError(_l("Your password was just changed. Please try again."))
    email_links.enqueue_link(user, "change_email", address)


def move_to_email(link: MailToken) -> None:
    """Change the user's address to the one to which `link` was sent, and notify the former address.

    The new address counts as confirmed. The link cannot be used again. Raises ActionError if the link is no longer
    valid, or if another account uses the address.
    """
    email_links.use_up(link)
    user, former = link.user, link.user.email
    try:
        with db.session.begin_nested():
            user.email, user.email_key = link.email, email_key(link.email)
            user.email_confirmed_at = now()
    except IntegrityError as error:
        raise ActionError(ADDRESS_TAKEN) from error
    email_links.revoke(user, "confirm", "reset")
    enqueue_notice(user, "email_changed", to=former)
