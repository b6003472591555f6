"""Posts: what people write to everybody, the timelines, search, translation and the export."""

from flask import Blueprint

bp = Blueprint("posts", __name__)

from app.posts import jobs, more_routes, routes  # noqa: E402, F401  (doors register themselves)
