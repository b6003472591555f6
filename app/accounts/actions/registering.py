"""Making an account."""

from __future__ import annotations

from babel.dates import get_timezone
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import mailer
from app.accounts import passwords, queries
from app.accounts.actions import mailed_links
from app.accounts.refusals import FormRefused
from app.database import keep_writers_out
from app.errors import Sentence
from app.extensions import db
from app.i18n import _l
from app.models import User
from app.text.names import (
    USERNAME_MAX,
    USERNAME_MIN,
    NameRefused,
    check_email,
    check_username,
    email_key,
    username_key,
    username_skeleton,
)
from app.text.search import search_text

NAME_FAULTS: dict[str, Sentence] = {
    "length": _l("A username has %(least)d to %(most)d characters.", least=USERNAME_MIN, most=USERNAME_MAX),
    "characters": _l("Use letters, digits, hyphens and underscores; begin with a letter or digit."),
    "scripts": _l("Use the letters of one script only."),
    "reserved": _l("This name is kept for the site. Please choose another."),
}
TAKEN: dict[str, Sentence] = {
    "username": _l("This name is taken, or looks too much like one that is. Please choose another."),
    "email": _l("There is an account with this address. You can ask for a new password."),
}
NO_ADDRESS = _l("This is not an e-mail address that mail can be sent to.")
ASCII_ONLY = _l(
    "This site can't send email to addresses with letters like ü or 中 before the @. Please use another one."
)


def register(username: str, email: str, password: str, *, language: str = "", timezone: str = "") -> User:
    """Make an account and order the mail that asks to confirm its address. The first one of a server is its admin.

    Hashes, which is slow on purpose, before it asks the database anything: call it with no transaction open. Raises
    FormRefused with a sentence for each field at fault, also when somebody takes the name in the same moment.
    """
    username, email = _checked(username, email)
    passwords.check(password, username=username, email=email)
    password_hash = passwords.hashed(password)
    _refuse_taken(username, email)
    user = User(
        username=username,
        username_key=username_key(username),
        username_skeleton=username_skeleton(username),
        email=email,
        email_key=email_key(email),
        password_hash=password_hash,
        search_text=search_text(username),
        language=language,
        timezone=_known_timezone(timezone),
        role=_first_role(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError:
        _refuse_taken(username, email)
        raise
    mailed_links.order(user, "confirm", user.email)
    return user


def _first_role() -> str:
    """ "admin" for the first account of a server. Of two that come at once the second one waits, and is a member."""
    if _somebody_is_there():
        return "member"
    keep_writers_out(User)
    return "member" if _somebody_is_there() else "admin"


def _somebody_is_there() -> bool:
    return db.session.scalar(select(User.id).limit(1)) is not None


def _checked(username: str, email: str) -> tuple[str, str]:
    errors: dict[str, Sentence] = {}
    try:
        username = check_username(username)
    except NameRefused as refused:
        errors["username"] = NAME_FAULTS[refused.code]
    try:
        email = mailable(email)
    except FormRefused as refused:
        errors |= refused.errors
    if errors:
        raise FormRefused(errors)
    return username, email


def mailable(address: str) -> str:
    """Return the address as it is kept. Raises FormRefused when email to it would fail."""
    try:
        address = check_email(address)
    except NameRefused as refused:
        raise FormRefused({"email": NO_ADDRESS}) from refused
    if not mailer.can_send_to(address):
        raise FormRefused({"email": ASCII_ONLY})
    return address


def _known_timezone(name: str) -> str:
    """The zone's name when pages can show times in it, else "": what a browser says is only a hint."""
    try:
        return str(get_timezone(name)) if name else ""
    except (LookupError, ValueError):
        return ""


def _refuse_taken(username: str, email: str) -> None:
    found = queries.taken(username=username, email=email)
    if found:
        raise FormRefused({field: TAKEN[field] for field in sorted(found)})
