"""The only writers of reports and of the log. They flush and never commit, and know no Flask."""

from app.moderation.actions.deciding import assign, look, release, resolve, warn
from app.moderation.actions.people import reinstate, set_role, suspend
from app.moderation.actions.reporting import report

__all__ = ["assign", "look", "reinstate", "release", "report", "resolve", "set_role", "suspend", "warn"]
