"""Posts: publishing, editing, images, polls, reactions, timelines, search, drafts, translation, data export."""

from flask import Blueprint

bp = Blueprint("posts", __name__)

# Importing these modules registers the routes and jobs.
from app.posts import (  # noqa: E402
    draft_routes,  # noqa: F401
    edit_routes,  # noqa: F401
    image_routes,  # noqa: F401
    jobs,  # noqa: F401
    pin_routes,  # noqa: F401
    reaction_routes,  # noqa: F401
    routes,  # noqa: F401
    scheduled_routes,  # noqa: F401
    search_routes,  # noqa: F401
    tag_routes,  # noqa: F401
    translation_routes,  # noqa: F401
    vote_routes,  # noqa: F401
)
