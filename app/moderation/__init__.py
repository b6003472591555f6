"""Moderation: members report messages, moderators look at exactly these, decide, and leave a trace of all they do.

a member's report   report_routes, forms, actions/reporting, evidence (the seal)
the moderators      queue_routes (looking), deed_routes (deciding), actions/deciding, actions/people, pictures
the trace           actions/audit, log_routes
the operator        cli (`flask users`)
"""

from flask import Blueprint

bp = Blueprint("moderation", __name__, cli_group="users")

from app.moderation import (  # noqa: E402  (doors register themselves on bp)
    cli,
    deed_routes,
    log_routes,
    queue_routes,
    report_routes,
)

__all__ = ["bp", "cli", "deed_routes", "log_routes", "queue_routes", "report_routes"]
