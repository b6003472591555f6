"""Moderation: members report messages, posts and people, and moderators act on the reports.

Moderators can't see private messages unless someone has reported them. An audit log records what moderators view and
do. The modules, by topic:

reporting       report_routes, forms, actions/reporting
evidence        evidence (the signed text), signing (the key), evidence_images
moderating      case_routes, report_page, actions/decisions, actions/accounts, actions/rules
audit log       audit_log_routes, actions/audit_log
command line    app/cli/users.py (`flask users`)
"""

from flask import Blueprint

bp = Blueprint("moderation", __name__)

from app.moderation import audit_log_routes, case_routes, report_routes  # noqa: E402  (they register themselves)

__all__ = ["audit_log_routes", "bp", "case_routes", "report_routes"]
