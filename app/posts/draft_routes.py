"""Routes of post drafts."""

from __future__ import annotations

from flask import abort, jsonify, request
from flask_login import login_required
from werkzeug.wrappers import Response

from app.posts import audience, bp, drafts
from app.posts.drafts import Draft
from app.posts.forms import DraftForm
from app.web import limits
from app.web.responses import new_form_key
from app.web.viewer import viewer, write_transaction, writes_late


@bp.get("/post/draft")
@login_required
def draft() -> Response:
    """Return the draft with the form key ?form_key=, or else the most recently saved draft, as JSON.

    If there is no draft, return empty text and a new form key. The old form key must not be used again, because its
    form may already have been published as a post.
    """
    found = drafts.current(viewer(), request.args.get("form_key", "")[:40])
    return jsonify(
        text=found.text,
        language=found.language,
        visibility=found.visibility or audience.default_level(viewer()),
        warning=found.warning,
        form_key=found.form_key or new_form_key(),
    )


@bp.post("/post/draft")
@login_required
@limits.drafting
@writes_late
def save_draft() -> Response:
    """Save the viewer's draft, and return its form key as JSON.

    If the form was already published as a post, save nothing and return a new form key.
    """
    form = DraftForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    key = form.form_key.data or ""
    with write_transaction():
        saved = drafts.save(
            viewer(),
            Draft(
                form.post.data or "",
                form.language.data or "",
                form.visibility.data or "",
                form.warning.data or "",
                key,
            ),
        )
    return jsonify(saved=saved, form_key=key if saved else new_form_key())
