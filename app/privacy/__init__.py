"""Privacy: blocking and muting people, muting threads, and settings.

The settings are for messages, read receipts and the visibility of posts.
"""

from flask import Blueprint

bp = Blueprint("privacy", __name__)

from app.privacy import export, jobs, routes, thread_routes  # noqa: E402, F401  (they register themselves)
