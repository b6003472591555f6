"""Lists of people: making them, adding and removing people, and reading their posts."""

from flask import Blueprint

bp = Blueprint("lists", __name__)

from app.lists import export, routes  # noqa: E402, F401  (they register themselves)
