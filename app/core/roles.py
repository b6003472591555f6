"""What each role may. A role may all that those before it may."""

from __future__ import annotations

ROLES = ("member", "translator", "moderator", "admin")


def is_at_least(role: str, needed: str) -> bool:
    """Whether somebody of this role may do what needs that role. A role that nobody knows may nothing but read."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def those_at_least(needed: str) -> tuple[str, ...]:
    """The roles that may do what needs that role: for a query."""
    return ROLES[ROLES.index(needed) :]


def may_judge(judge: str, judged: str) -> bool:
    """Whether somebody of the one role may warn and suspend somebody of the other. Nobody may judge themselves.

    A moderator may with members and translators, an admin with everybody.
    """
    return judge == "admin" or (judge == "moderator" and not is_at_least(judged, "moderator"))
