"""Actions that change accounts, logins and emailed links. They flush the session, and the caller commits."""

from app.accounts.actions.deletion import cancel_deletion, schedule_deletion
from app.accounts.actions.email_addresses import confirm_email, move_to_email, request_email_change, send_confirmation
from app.accounts.actions.logins import confirm_password, end_login, end_logins, has_expired, log_in, prune
from app.accounts.actions.passwords import change_password, request_password_reset, reset_password
from app.accounts.actions.registration import finish, register, sign_up

__all__ = [
    "cancel_deletion",
    "change_password",
    "confirm_email",
    "confirm_password",
    "end_login",
    "end_logins",
    "finish",
    "has_expired",
    "log_in",
    "move_to_email",
    "prune",
    "register",
    "request_email_change",
    "request_password_reset",
    "reset_password",
    "schedule_deletion",
    "send_confirmation",
    "sign_up",
]
