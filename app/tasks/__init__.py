"""My tasks: the jobs a member ordered, their progress, and what they produced."""

from flask import Blueprint

bp = Blueprint("tasks", __name__)

from app.tasks import routes  # noqa: E402, F401  (routes register themselves on bp)
