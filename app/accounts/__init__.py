"""The accounts feature: registration, login, password reset, security settings and account deletion."""

from flask import Blueprint

bp = Blueprint("accounts", __name__)

from app.accounts import (  # noqa: E402 (the routes and jobs register on bp)
    deletion_jobs,
    deletion_routes,
    jobs,
    reauth_routes,
    recovery_routes,
    register_routes,
    routes,
    security_routes,
)

__all__ = [
    "bp",
    "deletion_jobs",
    "deletion_routes",
    "jobs",
    "reauth_routes",
    "recovery_routes",
    "register_routes",
    "routes",
    "security_routes",
]
