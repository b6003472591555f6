"""Background jobs that send account emails, and that delete expired logins, emailed links and registrations."""

from __future__ import annotations

from datetime import datetime

from flask import current_app

from app import mailer
from app.accounts import actions, link_tokens, queries
from app.core.database import end_read_transaction, write_transaction
from app.core.i18n import in_language_of, moment_text
from app.core.time import now
from app.extensions import db
from app.jobs import job
from app.models import MailToken, PendingAccount, User

# For each purpose of a link: the folder of the email template, and the endpoint of the link's URL.
MAILS = {
    "confirm": ("confirm", "accounts.confirm"),
    "reset": ("reset_password", "accounts.reset_password"),
    "change_email": ("change_email", "accounts.confirm"),
}


@job("accounts.mail_link", queue="mail", timeout=90)
def mail_link(token_id: int, nonce: str) -> None:
    """Email the link of a `mail_token` row to the address in the row.

    Send nothing if the link was used, replaced or has expired, or if the user can no longer log in. If the link would
    confirm a new address that another account already uses, send no link. Instead, email the owner of that account that
    they already have an account.

    The link itself is not stored: this job creates it. `nonce` is a random value in the row. It distinguishes the row
    from a later one with the same id. A second run sends the same link with the same Message-ID.
    """
    row = db.session.get(MailToken, token_id)
    if row is None or row.nonce != nonce or row.expires_at <= now() or not row.user.can_log_in:
        return
    user = row.user
    owner = queries.user_with_email(row.email)
    if row.purpose == "change_email" and owner is not None and owner.id != user.id:
        end_read_transaction()
        mailer.send(owner, "address_in_use")
        return
    mail, endpoint = MAILS[row.purpose]
    link = mailer.site_url(endpoint, token=link_tokens.sign(current_app.config["SECRET_KEY"], row))
    end_read_transaction()  # hold no transaction while the mail server responds
    mailer.send(user, mail, to=row.email, link=link, address=row.email)


@job("accounts.mail_registration", queue="mail", timeout=90)
def mail_registration(pending_id: int, nonce: str) -> None:
    """Email the link that confirms a registration and creates its account.

    If an account already uses the address, the email has no link: it tells the owner that they already have an account.
    Send nothing if the registration was finished or has expired. A second run sends the email again with the same
    Message-ID.
    """
    pending = db.session.get(PendingAccount, pending_id)
    if pending is None or pending.nonce != nonce or pending.expires_at <= now():
        return
    owner = queries.user_with_email(pending.email)
    if owner is not None:
        end_read_transaction()
        mailer.send(owner, "address_in_use")
        return
    # The account does not exist yet. This object is never added to the session.
    newcomer = User(
        username=pending.username,
        name="",
        email=pending.email,
        language=pending.language,
        timezone=pending.timezone,
    )
    link = mailer.site_url("accounts.finish", token=link_tokens.sign(current_app.config["SECRET_KEY"], pending))
    end_read_transaction()
    mailer.send(newcomer, "register", link=link, address=newcomer.email)


@job("accounts.mail_notice", queue="mail", timeout=90)
def mail_notice(user_id: int, what: str, to: str, at: str) -> None:
    """Email a user that their password or email address was changed, and when.

    Send to the address `to`, or to the user's current address if `to` is "". A second run sends the email again with
    the same Message-ID.
    """
    user = db.session.get(User, user_id)
    if user is None or not user.is_active:
        return
    end_read_transaction()
    with in_language_of(user):
        when = moment_text(datetime.fromisoformat(at))
    mailer.send(user, "security_notice", to=to or user.email, what=what, when=when)


@job("accounts.prune_logins", every=24 * 3600)
def prune_logins() -> None:
    """Delete expired logins, emailed links and registrations, in batches. A second run finds nothing to delete."""
    more = actions.has_expired()
    while more:
        with write_transaction():
            more = actions.prune()
