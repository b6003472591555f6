"""Moderation: members report messages, posts and people. Moderators look at exactly these and decide; a log records it.

a member's report   report_routes (messages, receipts), subject_routes (a post, a person), forms, actions/reporting
its signature       evidence (what is signed), signing (the key)
the moderators      queue_routes (looking), deed_routes (deciding), actions/deciding, actions/people, pictures
the trace           actions/audit, log_routes
the operator        app/cli/users.py (`flask users`)
"""

from flask import Blueprint

bp = Blueprint("moderation", __name__)

from app.moderation import (  # noqa: E402  (routes register themselves on bp)
    deed_routes,
    log_routes,
    queue_routes,
    report_routes,
    subject_routes,
)

__all__ = ["bp", "deed_routes", "log_routes", "queue_routes", "report_routes", "subject_routes"]
