"""Posts: what people write to everybody, the timelines, search, translation and the export."""

from flask import Blueprint

bp = Blueprint("posts", __name__)

# Doors register themselves on bp.
from app.posts import draft_routes, jobs, routes, search_routes, translation_routes  # noqa: E402, F401
