"""Roles and their rank. Each role includes the permissions of those before it."""

from __future__ import annotations

ROLES = ("member", "translator", "moderator", "admin")


def is_at_least(role: str, needed: str) -> bool:
    """Return whether `role` has the permissions of `needed`. An unknown role has none."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def those_at_least(needed: str) -> tuple[str, ...]:
    """Return the roles that have the permissions of `needed`, for a query."""
    return ROLES[ROLES.index(needed) :]


def may_judge(judge: str, judged: str) -> bool:
    """Return whether a user with role `judge` may warn and suspend a user with role `judged`.

    A moderator may do so to members and translators, an admin to everyone. The caller must refuse acting on
    oneself.
    """
    return judge == "admin" or (judge == "moderator" and not is_at_least(judged, "moderator"))
