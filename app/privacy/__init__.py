"""Privacy: blocking and muting people, and the settings for messages, read receipts and the visibility of posts."""

from flask import Blueprint

bp = Blueprint("privacy", __name__)

from app.privacy import export, jobs, routes  # noqa: E402, F401  (they register themselves)
