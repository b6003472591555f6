"""The Activity page: a member's events, newest first, marking them as read, and filtered notifications."""

from flask import Blueprint

bp = Blueprint("activity", __name__)

from app.activity import filtered_routes, routes  # noqa: E402, F401 (the routes register themselves)
