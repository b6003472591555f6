"""Profiles: a person's page, their picture and settings, and who follows whom."""

from flask import Blueprint

bp = Blueprint("profiles", __name__)

from app.profiles import jobs, picture_routes, routes, settings_routes  # noqa: E402, F401  (doors register themselves)
