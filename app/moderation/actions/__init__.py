"""Actions on reports and accounts. Only the modules of this package write reports and the audit log.

Actions never commit and don't use Flask.
"""

from app.moderation.actions.accounts import reinstate, set_role, suspend
from app.moderation.actions.decisions import assign, release, remove_post, resolve, view_evidence, warn
from app.moderation.actions.reporting import report, report_person, report_post

__all__ = [
    "assign",
    "reinstate",
    "release",
    "remove_post",
    "report",
    "report_person",
    "report_post",
    "resolve",
    "set_role",
    "suspend",
    "view_evidence",
    "warn",
]
