"""The Activity page: list a member's events, mark them as read, and restore or dismiss events hidden by filters."""

from flask import Blueprint

bp = Blueprint("activity", __name__)

from app.activity import filtered_routes, routes  # noqa: E402, F401 (the routes register themselves)
