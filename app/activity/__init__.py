"""Activity: what happened to a person, newest first; what of it was read; and what their filters hold back."""

from flask import Blueprint

bp = Blueprint("activity", __name__)

from app.activity import filtered_routes, routes  # noqa: E402, F401  (doors register themselves)
