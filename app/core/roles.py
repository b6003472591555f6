"""Roles, in increasing order. Each role has the permissions of the roles before it, and more."""

from __future__ import annotations

ROLES = ("member", "translator", "moderator", "admin")


def is_at_least(role: str, needed: str) -> bool:
    """Return whether `role` has the permissions of `needed`. Return False for an unknown role."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def roles_at_least(needed: str) -> tuple[str, ...]:
    """Return the roles that have the permissions of `needed`."""
    return ROLES[ROLES.index(needed) :]


def can_moderate(judge: str, judged: str) -> bool:
    """Return whether a user with role `judge` may warn and suspend a user with role `judged`.

    Moderators may judge members and translators. Admins may judge everyone. The caller must check that users don't
    judge themselves.
    """
    return judge == "admin" or (judge == "moderator" and not is_at_least(judged, "moderator"))
