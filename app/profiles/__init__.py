"""The profiles feature: profile pages, profile pictures, profile settings, and following."""

from flask import Blueprint

bp = Blueprint("profiles", __name__)

from app.profiles import jobs, picture_routes, routes, settings_routes  # noqa: E402, F401 (they register themselves)
