"""Actions that create accounts: for the operator at once, for visitors after they confirm their email address."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from hashlib import sha256

from babel.dates import get_timezone
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from app import mailer
from app.accounts import passwords, queries
from app.accounts.actions import email_links
from app.accounts.errors import FormError
from app.accounts.link_tokens import LIFETIMES
from app.core.database import lock_table
from app.core.exceptions import ActionError, Sentence
from app.core.i18n import _l, _ln
from app.core.time import now
from app.extensions import db
from app.jobs import enqueue
from app.lib.text.names import (
    USERNAME_MAX,
    USERNAME_MIN,
    InvalidName,
    check_email,
    check_username,
    email_key,
    username_key,
    username_skeleton,
)
from app.lib.text.search import search_text
from app.models import PendingAccount, User

NAME_FAULTS: dict[str, Sentence] = {
    "length": _ln(
        "Usernames must be %(least)d to %(num)s character long.",
        "Usernames must be %(least)d to %(num)s characters long.",
        USERNAME_MAX,
        least=USERNAME_MIN,
    ),
    "characters": _l("Use letters, numbers, hyphens or underscores, and start with a letter or number."),
    "scripts": _l("Use letters from one alphabet only."),
    "reserved": _l("That username is reserved. Please choose another."),
}
NAME_TAKEN = _l("That username is taken or too similar to another one. Please choose another.")
ADDRESS_TAKEN = _l("An account with this email already exists. You can reset its password.")
NO_ADDRESS = _l("Enter a valid email address.")
ASCII_ONLY = _l(
    "This site can't send email to addresses with letters like ü or 中 before the @. Please use another address."
)


def register(
    username: str, email: str, password: str, *, language: str = "", timezone: str = "", role: str = "member"
) -> User:
    """Create an account without waiting for the user to confirm the email address. Enqueue the confirmation email.

    Only the operator and `flask demo` use this, because an error reveals whether an address is in use. Visitors use
    `sign_up`. Hashing is slow, so call this without an open transaction. Raises FormError with a sentence for each
    field that is invalid or in use.
    """
    wanted = _validated_account(username, email, password, language=language, timezone=timezone)
    user = _create(wanted, role=role)
    email_links.enqueue_link(user, "confirm", user.email)
    return user


def sign_up(
    fields: tuple[str, str, str], *, language: str, timezone: str, secret: str, first_is_admin: bool
) -> User | None:
    """Register a visitor. Return None, or the new account if it is created immediately.

    Store a pending registration, and enqueue a job that emails a link to the address. Using the link creates the
    account. If an account already uses the address, the job notifies the owner of that account instead. The visitor
    sees no difference (docs/decisions/0015-registration.md).

    `fields` are the username, email address and password. `secret` is stored in the visitor's session: in a browser
    with this secret, the link also logs the user in. If `first_is_admin` is true, the first account of the site is
    created immediately, as an admin.

    Hashing is slow, so call this without an open transaction. Raises FormError if the username is invalid or in use, or
    if the address or the password is invalid. An address that is in use raises no error.
    """
    wanted = _validated_account(*fields, language=language, timezone=timezone)
    if first_is_admin and not _has_accounts():
        lock_table(User)  # serialises concurrent first registrations
        if not _has_accounts():
            user = _create(wanted, role="admin")
            email_links.enqueue_link(user, "confirm", user.email)
            return user
    _check_name_not_taken(wanted.username)
    pending = PendingAccount(
        **vars(wanted),
        email_key=email_key(wanted.email),
        browser_hash=hash_secret(secret),
        expires_at=now() + LIFETIMES["register"],
    )
    db.session.add(pending)
    db.session.flush()
    enqueue("accounts.mail_registration", pending_id=pending.id, nonce=pending.nonce)
    return None


def finish(pending: PendingAccount) -> User:
    """Create the account of `pending`, whose link was used. The address counts as confirmed.

    Other pending registrations with the address are deleted. Raises ActionError if the link has already been used or
    has expired, or if another account uses the username or the address.
    """
    used = delete(PendingAccount).where(PendingAccount.id == pending.id, PendingAccount.nonce == pending.nonce)
    if db.session.scalar(used.where(PendingAccount.expires_at > now()).returning(PendingAccount.id)) is None:
        raise ActionError(_l("This link has expired or has already been used."))
    names = (field.name for field in dataclasses.fields(_NewAccount))
    user = _create(_NewAccount(**{name: getattr(pending, name) for name in names}))
    user.email_confirmed_at = now()
    db.session.execute(delete(PendingAccount).where(PendingAccount.email_key == pending.email_key))
    return user


def hash_secret(secret: str) -> str:
    """Return the hash of the secret in a visitor's session. Only the hash is stored in the database."""
    return sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class _NewAccount:
    """The validated data of a registration. The fields are columns of User and of PendingAccount."""

    username: str
    email: str
    password_hash: str
    language: str
    timezone: str


def _validated_account(username: str, email: str, password: str, *, language: str, timezone: str) -> _NewAccount:
    username, email = _validated_names(username, email)
    passwords.check(password, username=username, email=email)
    return _NewAccount(username, email, passwords.hash_password(password), language, _known_timezone(timezone))


def _create(wanted: _NewAccount, *, role: str = "member") -> User:
    _check_not_taken(wanted.username, wanted.email)
    user = User(
        **vars(wanted),
        username_key=username_key(wanted.username),
        username_skeleton=username_skeleton(wanted.username),
        email_key=email_key(wanted.email),
        search_text=search_text(wanted.username),
        role=role,
    )
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError:
        _check_not_taken(wanted.username, wanted.email)
        raise
    return user


def _has_accounts() -> bool:
    return db.session.scalar(select(User.id).limit(1)) is not None


def _validated_names(username: str, email: str) -> tuple[str, str]:
    errors: dict[str, Sentence] = {}
    try:
        username = check_username(username)
    except InvalidName as refused:
        errors["username"] = NAME_FAULTS[refused.code]
    try:
        email = deliverable_address(email)
    except FormError as refused:
        errors |= refused.errors
    if errors:
        raise FormError(errors)
    return username, email


def deliverable_address(address: str) -> str:
    """Return the address normalised for storage. Raises FormError if email cannot be sent to it."""
    try:
        address = check_email(address)
    except InvalidName as refused:
        raise FormError({"email": NO_ADDRESS}) from refused
    if not mailer.can_send_to(address):
        raise FormError({"email": ASCII_ONLY})
    return address


def _known_timezone(name: str) -> str:
    """Return `name` if it is a valid time zone, else "".

    The name comes from the browser and can be any text.
    """
    try:
        return str(get_timezone(name)) if name else ""
    except (LookupError, ValueError):
        return ""


def _check_not_taken(username: str, email: str) -> None:
    found = queries.names_in_use(username=username, email=email)
    sentences = {"username": NAME_TAKEN, "email": ADDRESS_TAKEN}
    if found:
        raise FormError({field: sentences[field] for field in sorted(found)})


def _check_name_not_taken(username: str) -> None:
    if queries.name_is_taken(username):
        raise FormError({"username": NAME_TAKEN})
