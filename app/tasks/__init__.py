"""The Tasks page: the background jobs that a member started, their progress, and their results."""

from flask import Blueprint

bp = Blueprint("tasks", __name__)

from app.tasks import routes  # noqa: E402, F401  (routes register themselves on bp)
