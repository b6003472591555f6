"""Moderation: members report messages, posts and people. Moderators see only what was reported, and the log records it.

a member's report   report_routes, forms, actions/reporting
its signature       evidence (what is signed), signing (the key), evidence_images
the moderators      case_routes, report_page, actions/decisions, actions/accounts, actions/rules
the audit log       audit_log_routes, actions/audit_log
the operator        app/cli/users.py (`flask users`)
"""

from flask import Blueprint

bp = Blueprint("moderation", __name__)

from app.moderation import audit_log_routes, case_routes, report_routes  # noqa: E402  (they register themselves)

__all__ = ["audit_log_routes", "bp", "case_routes", "report_routes"]
