"""Private messages: one conversation for each pair of people, and how far each has read."""

from flask import Blueprint

bp = Blueprint("messages", __name__)

from app.messages import jobs, routes, upkeep  # noqa: E402, F401  (doors register themselves)
