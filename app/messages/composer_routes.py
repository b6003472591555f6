"""Routes of the form for a new conversation, and of its recipient suggestions.

The form is submitted to messages.start_group (group_routes.py).
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, render_template, request
from flask_login import login_required
from werkzeug.wrappers import Response

from app.lib.text.names import username_key
from app.messages import bp
from app.messages.forms import TO_MAX_LENGTH, GroupForm, names_in
from app.messages.queries import recipients
from app.messages.queries.recipients import Recipient
from app.queries import people
from app.web import limits
from app.web.filters import avatar_url
from app.web.responses import new_form_key
from app.web.viewer import viewer

MAX_QUERY_LENGTH = 100  # characters; longer than any name


@bp.get("/messages/write")
@login_required
def write() -> str:
    """Show the form for a new conversation. ?to= contains usernames for the recipients field."""
    return show_composer(GroupForm(formdata=None, to=request.args.get("to", "")[:TO_MAX_LENGTH]))


@bp.get("/messages/recipients")
@login_required
@limits.suggesting
def suggest() -> Response:
    """Return the users whose names match ?q=, as JSON, and whether the viewer may write to each of them."""
    found = recipients.suggestions(viewer(), request.args.get("q", "")[:MAX_QUERY_LENGTH])
    return jsonify([recipient_facts(one) for one in found])


@bp.app_template_filter("recipient_facts")
def recipient_facts(one: Recipient) -> dict[str, Any]:
    """Return the data about a recipient that js/messages/recipients.js displays."""
    return {
        "username": one.user.username,
        "name": one.user.display_name,
        "avatar": avatar_url(one.user),
        "writable": one.verdict.kind != "refused",
        "sentence": str(one.verdict.sentence),
    }


def show_composer(form: GroupForm) -> str:
    """Render the form for a new conversation. It shows for each recipient whether the viewer may write to them."""
    names = names_in(form.to.data or "")
    found = {user.username_key: user.id for user in people.by_usernames(names)} if names else {}
    chosen = recipients.by_ids(viewer(), [user_id for user_id in found.values() if user_id != viewer().id])
    known = {one.user.username_key for one in chosen}
    unknown = [name for name in names if username_key(name) not in known]
    if form.form_key.data is None:
        form.form_key.data = new_form_key()
    return render_template("messages/compose.html", form=form, chosen=chosen, unknown=unknown)
