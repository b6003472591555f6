"""Private messages: one conversation for each pair of people, and how far each has read."""

from flask import Blueprint

bp = Blueprint("messages", __name__)

from app.messages import image_jobs, mailing, routes, upkeep  # noqa: E402, F401  (they register themselves)
