"""Private messages: one conversation for each pair of people, and how far each has read."""

from flask import Blueprint

bp = Blueprint("messages", __name__)

from app.messages import (  # noqa: E402  (doors register themselves on bp)
    changing_routes,  # noqa: F401
    composer_routes,  # noqa: F401
    export,  # noqa: F401
    group_routes,  # noqa: F401
    image_jobs,  # noqa: F401
    image_routes,  # noqa: F401
    mailing,  # noqa: F401
    request_routes,  # noqa: F401
    routes,  # noqa: F401
    search_routes,  # noqa: F401
    side_jobs,  # noqa: F401
    upkeep,  # noqa: F401
)
