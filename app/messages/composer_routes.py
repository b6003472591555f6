"""Doors (HTTP) of the composer of new messages, and of the names it suggests. It sends to messages.start_group."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_login import login_required
from werkzeug.wrappers import Response

from app.messages import bp, composing
from app.messages.group_forms import TO_MAX_LENGTH, GroupForm
from app.messages.queries import recipients
from app.messages.queries.recipients import Recipient
from app.web import limits
from app.web.filters import avatar_url
from app.web.viewer import viewer

LONGEST_QUERY = 100  # characters; more than any name has


@bp.get("/messages/write")
@login_required
def write() -> str:
    """The composer; ?to= names people already."""
    return composing.show(GroupForm(formdata=None, to=request.args.get("to", "")[:TO_MAX_LENGTH]))


@bp.get("/messages/recipients")
@login_required
@limits.suggesting
def suggest() -> Response:
    """People whose names begin like the words of ?q=, as JSON, with what is to be said before one writes to them."""
    found = recipients.suggestions(viewer(), request.args.get("q", "")[:LONGEST_QUERY])
    return jsonify([recipient_facts(one) for one in found])


@bp.app_template_filter("recipient_facts")
def recipient_facts(one: Recipient) -> dict[str, Any]:
    """What js/recipients.js shows of somebody."""
    return {
        "username": one.user.username,
        "name": one.user.display_name,
        "avatar": avatar_url(one.user),
        "writable": one.verdict.kind != "refused",
        "sentence": str(one.verdict.sentence),
    }
