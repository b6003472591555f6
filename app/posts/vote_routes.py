"""The route for voting in the poll of a post."""

from __future__ import annotations

from flask import abort, flash, get_template_attribute, jsonify, redirect, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _
from app.posts import bp, votes
from app.posts.routes import POST_ID
from app.queries import timelines
from app.web import limits
from app.web.responses import flash_error, safe_next, wants_json
from app.web.viewer import viewer, write_transaction, writes_late


@bp.post(f"{POST_ID}/vote")
@login_required
@limits.reacting
@writes_late
def vote(post_id: int) -> Response | tuple[Response, int]:
    """Vote in the poll of a post. The form field `choice-<post id>` has the positions of the chosen options.

    If a script sent the request, respond with the HTML of the results as JSON, or with the error. If a form sent it,
    redirect to the page of the form. Respond with 404 if the viewer can't see the post, or if it has no poll.
    """
    chosen = {int(one) if one in {"0", "1", "2", "3"} else -1 for one in request.form.getlist(f"choice-{post_id}")}
    error = None
    try:
        with write_transaction():
            votes.vote(viewer(), post_id, chosen)
    except ActionError as refusal:
        error = refusal
    post = timelines.one(viewer(), post_id)
    if post is None or post.poll is None:
        return (jsonify(error=str(error)), 404) if wants_json() else abort(404)
    if wants_json():
        if error:
            return jsonify(error=str(error)), 422
        results = get_template_attribute("_post_poll.html", "poll_results")
        return jsonify(html=results(post))
    if error:
        flash_error(error)
    else:
        flash(_("Your vote was counted."), "success")
    back = safe_next(request.form.get("next")) or url_for("posts.show", post_id=post_id)
    return redirect(f"{back}#post-{post_id}", 303)
