"""The title of a group conversation, as shown on pages, in emails and in pushes."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.i18n import _, isolated, listed


def listed_names(people: Iterable[str]) -> str:
    """Return names as a list in the reader's language, for a place in a plain-text sentence."""
    return listed(map(isolated, people))


def group_title(name: str, people: Iterable[str]) -> str:
    """Return a group's name. If it has none, return a list of the other members' names, `people`.

    The list is in the reader's language. Without a name and other members, return "Only you".
    """
    # NOTE: Title of a group without other members.
    return name or listed_names(people) or _("Only you")
