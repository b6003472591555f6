"""Accounts: who you are, how you log in, and the links sent by mail."""

from flask import Blueprint

bp = Blueprint("accounts", __name__)

from app.accounts import (  # noqa: E402  (doors register themselves on bp)
    deletion_jobs,
    deletion_routes,
    jobs,
    reauth_routes,
    recovery_routes,
    register_routes,
    routes,
    security_routes,
)
from app.accounts.cli import create_user  # noqa: E402

__all__ = [
    "bp",
    "create_user",
    "deletion_jobs",
    "deletion_routes",
    "jobs",
    "reauth_routes",
    "recovery_routes",
    "register_routes",
    "routes",
    "security_routes",
]
