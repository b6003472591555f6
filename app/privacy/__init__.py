"""Privacy: whom one blocks or mutes, who may begin to write to one, and whether one shows what one has read."""

from flask import Blueprint

bp = Blueprint("privacy", __name__)

from app.privacy import export, jobs, routes  # noqa: E402, F401  (they register themselves)
