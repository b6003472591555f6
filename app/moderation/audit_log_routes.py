"""The route that shows the audit log. No route changes the log."""

from __future__ import annotations

from flask import render_template, request

from app.models import AuditEntry
from app.moderation import bp, queries
from app.web.paging import page, position
from app.web.permissions import role_required
from app.web.viewer import viewer

NAME_LENGTH = 64


@bp.get("/moderation/log")
@role_required("moderator")
def log() -> str:
    """Show the audit log, newest entry first.

    With ?report=<id>, show only entries about that report. With ?person=<username>, show only actions by or on that
    user.
    """
    report_id, person = position("report"), _name(request.args.get("person", ""))
    entries = page(queries.log(viewer(), report_id=report_id, person=person), AuditEntry.id)
    return render_template("moderation/log.html", entries=entries, report_id=report_id, person=person)


def _name(typed: str) -> str:
    """Return `typed` as a username: without surrounding spaces, a leading @ and unprintable characters.

    PostgreSQL would reject some unprintable characters.
    """
    return "".join(char for char in typed.strip().lstrip("@") if char.isprintable())[:NAME_LENGTH]
