"""The only writers of accounts, logins and mailed links. They flush and never commit, and know no Flask."""

from app.accounts.actions.deletion import order_deletion, take_back
from app.accounts.actions.email_addresses import confirm_email, move_to_email, order_confirmation, order_email_change
from app.accounts.actions.logins import confirm_password, end_login, end_logins, log_in, prune
from app.accounts.actions.passwords import change_password, order_reset, reset_password
from app.accounts.actions.registration import finish, register, sign_up

__all__ = [
    "change_password",
    "confirm_email",
    "confirm_password",
    "end_login",
    "end_logins",
    "finish",
    "log_in",
    "move_to_email",
    "order_confirmation",
    "order_deletion",
    "order_email_change",
    "order_reset",
    "prune",
    "register",
    "reset_password",
    "sign_up",
    "take_back",
]
