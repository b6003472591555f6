"""Posts: publishing, replies, likes, bookmarks, timelines, search, drafts, translation, and the data export."""

from flask import Blueprint

bp = Blueprint("posts", __name__)

# Importing these modules registers the routes and jobs.
from app.posts import draft_routes, jobs, reaction_routes, routes, search_routes, translation_routes  # noqa: E402, F401
