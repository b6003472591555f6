"""Polling: each open page regularly sends `GET /notifications` to ask for new notifications.

idle_middleware   answers most polls before Flask handles the request: from Redis if nothing is new, and otherwise from
                  the database
routes            answers the other polls, for example without a valid cookie or while Redis is unavailable
queries           reads the notifications after a timestamp, for a valid login
load              measures how busy the process is, and sets the poll interval
since             parses `?since=`
"""

from flask import Blueprint

bp = Blueprint("polling", __name__)

from app.polling import routes  # noqa: E402, F401  (registers itself on bp)
from app.polling.idle_middleware import answer_idle_polls  # noqa: E402  (as above)

__all__ = ["answer_idle_polls", "bp"]
