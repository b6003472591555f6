"""The title of a group conversation, as shown on pages, in emails and in push notifications."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.i18n import _, isolated, listed


def listed_names(people: Iterable[str]) -> str:
    """Return names as a list in the reader's language, such as "Ada, Ben and Cleo", for use in plain text."""
    return listed(map(isolated, people))


def group_title(name: str, people: Iterable[str]) -> str:
    """Return the title of a group: its name or, if it has no name, a list of the other members' names, `people`.

    The list is in the reader's language. If there is neither a name nor another member, return "Only you".
    """
    # NOTE: Title of a group without other members.
    return name or listed_names(people) or _("Only you")
