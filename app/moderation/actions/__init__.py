"""The only writers of reports and of the log. They flush and never commit, and know no Flask."""

from app.moderation.actions.accounts import reinstate, set_role, suspend
from app.moderation.actions.decisions import assign, look, release, remove_post, resolve, warn
from app.moderation.actions.reporting import report, report_person, report_post

__all__ = [
    "assign",
    "look",
    "reinstate",
    "release",
    "remove_post",
    "report",
    "report_person",
    "report_post",
    "resolve",
    "set_role",
    "suspend",
    "warn",
]
