"""Posts: publishing, the home and Explore pages, search, drafts, translation, and the data export."""

from flask import Blueprint

bp = Blueprint("posts", __name__)

# The routes and jobs register themselves on bp.
from app.posts import draft_routes, jobs, routes, search_routes, translation_routes  # noqa: E402, F401
