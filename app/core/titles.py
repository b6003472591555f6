"""The title of a group conversation, on pages and in email and push."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.i18n import _, listed


def group_title(name: str, people: Iterable[str]) -> str:
    """Return the title of a group: its name, or else a list of the other members' names in the reader's language.

    `people` are these names. The title of a group with no name and no other members is "Only you".
    """
    # NOTE: Title of a group without other members.
    return name or listed(people) or _("Only you")
