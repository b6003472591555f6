"""Logins: rows that session and remember cookies refer to. Deleting a row invalidates all cookies that refer to it."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, select, update

from app.accounts import user_agents
from app.accounts.actions import email_links
from app.core.database import has_rows
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import LoginSession, MailToken, PendingAccount, User
from app.notifications import logins_changed, record_event

REMEMBERED_LIFETIME = timedelta(days=365)
SESSION_LIFETIME = timedelta(days=30)  # without "Keep me logged in"; some browsers are never closed
PRUNE_BATCH = 500


def log_in(user: User, *, user_agent: str, address: str, remember: bool) -> LoginSession:
    """Create a login for `user`. The caller must first check the password against `user.password_hash`.

    Links that reset the password become invalid, because a user who knows the password needs none. Raises ActionError
    if the account was closed or its password changed since the check.
    """
    moment = now()
    is_first = user.last_login_at is None
    same_password = User.password_hash == user.password_hash
    still_so = db.session.scalar(
        update(User)
        .where(User.id == user.id, User.active, same_password)
        .values(last_login_at=moment)
        .returning(User.id)
    )
    if still_so is None:
        raise ActionError(_l("Your account was just changed. Please try again."))
    email_links.revoke(user, "reset")
    login = LoginSession(
        user_id=user.id,
        created_at=moment,
        last_used_at=moment,
        password_at=moment,
        expires_at=moment + (REMEMBERED_LIFETIME if remember else SESSION_LIFETIME),
        user_agent=_printable(user_agent)[:256],
        address=_printable(address)[:64],
        remembered=remember,
    )
    db.session.add(login)
    db.session.flush()
    _record_event(login, is_first=is_first)
    logins_changed(user.id)
    return login


def _record_event(login: LoginSession, *, is_first: bool) -> None:
    """Record an event for the login, at most one event for each place.

    A place is a combination of browser, operating system and network. If the place is new, the event counts as unread,
    so that the user notices a stolen password. For the first login of an account and for known places, the event is
    stored as read.
    """
    browser, system = user_agents.browser(login.user_agent), user_agents.system(login.user_agent)
    subject = sha256(_place(login.user_agent, login.address).encode()).hexdigest()
    facts = {"browser": browser, "system": system, "address": login.address, "first": is_first}
    record_event(login.user_id, "login", subject, known=is_first or _is_known_place(login), args=facts)


def _is_known_place(login: LoginSession) -> bool:
    """Return whether another stored login of the user is from the same browser, operating system and network.

    This reads the logins and not the events about them, because logins that are older than migration 0002 have no
    event.
    """
    others = select(LoginSession.user_agent, LoginSession.address)
    others = others.where(LoginSession.user_id == login.user_id, LoginSession.id != login.id)
    here = _place(login.user_agent, login.address)
    return any(_place(user_agent, address) == here for user_agent, address in db.session.execute(others))


def _place(user_agent: str, address: str) -> str:
    return "\n".join([user_agents.browser(user_agent), user_agents.system(user_agent), _network(address)])


def _network(address: str) -> str:
    """Return the network of an IP address: /16 for IPv4, /32 for IPv6. If `address` is invalid, return it unchanged.

    The network usually stays the same when an internet provider assigns a new address to a user.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 16 if parsed.version == 4 else 32), strict=False))


def confirm_password(user: User) -> None:
    """Record that the user has entered their password again in the login of this request.

    The caller must first check the password against `user.password_hash`. Raises ActionError if the login was ended or
    the password was changed since the check.
    """
    login = user.current_login
    same = select(User.id).where(User.id == user.id, User.password_hash == user.password_hash)
    change = update(LoginSession).values(password_at=now()).returning(LoginSession.id)
    mine = LoginSession.id == (login.id if login else ""), LoginSession.user_id.in_(same)
    if db.session.scalar(change.where(*mine)) is None:
        raise ActionError(_l("Your account was just changed. Please try again."))


def end_login(login: LoginSession) -> None:
    """End `login` by deleting its row. Idempotent."""
    db.session.execute(delete(LoginSession).where(LoginSession.id == login.id))
    logins_changed(login.user_id)


def end_logins(user: User, *, keep: LoginSession | None = None) -> None:
    """Log `user` out everywhere, except for the login `keep`."""
    stmt = delete(LoginSession).where(LoginSession.user_id == user.id)
    if keep is not None:
        stmt = stmt.where(LoginSession.id != keep.id)
    db.session.execute(stmt)
    logins_changed(user.id)


def has_expired() -> bool:
    """Return whether there are expired links, registrations or logins, which `prune` would delete."""
    return any(has_rows(model, model.expires_at <= now()) for model in (MailToken, PendingAccount, LoginSession))


def prune() -> bool:
    """Delete expired links and registrations, and a batch of expired logins.

    Return True if there may be more expired logins.
    """
    db.session.execute(delete(MailToken).where(MailToken.expires_at <= now()))
    db.session.execute(delete(PendingAccount).where(PendingAccount.expires_at <= now()))
    over = select(LoginSession.id).where(LoginSession.expires_at <= now()).limit(PRUNE_BATCH)
    ended = db.session.scalars(
        delete(LoginSession).where(LoginSession.id.in_(over)).returning(LoginSession.user_id)
    ).all()
    for user_id in set(ended):
        logins_changed(user_id)
    return len(ended) == PRUNE_BATCH


def _printable(text: str) -> str:
    """Remove non-printable characters from the value of a request header.

    Such characters could cause an error in the database, or make the log unreadable.
    """
    return "".join(char for char in text if char.isprintable())
