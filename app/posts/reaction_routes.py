"""Routes for likes, bookmarks and reposts: add and remove them, and list the viewer's own likes and bookmarks."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, jsonify, redirect, render_template, request, url_for
from flask_babel import format_decimal
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.models import PostBookmark, PostLike, User
from app.posts import bp, queries, reactions
from app.posts.routes import POST_ID
from app.web import limits
from app.web.paging import Page, before_id, page_size
from app.web.responses import safe_next, wants_json
from app.web.viewer import viewer, write_transaction, writes_late


@bp.post(f"{POST_ID}/like")
@login_required
@limits.reacting
@writes_late
def like(post_id: int) -> Response | tuple[Response, int]:
    """Like a post."""
    return _change(post_id, reactions.like)


@bp.post(f"{POST_ID}/unlike")
@login_required
@limits.reacting
@writes_late
def unlike(post_id: int) -> Response | tuple[Response, int]:
    """Stop liking a post."""
    return _change(post_id, reactions.unlike)


@bp.post(f"{POST_ID}/bookmark")
@login_required
@limits.reacting
@writes_late
def bookmark(post_id: int) -> Response | tuple[Response, int]:
    """Save a post to the viewer's bookmarks."""
    return _change(post_id, reactions.bookmark)


@bp.post(f"{POST_ID}/unbookmark")
@login_required
@limits.reacting
@writes_late
def remove_bookmark(post_id: int) -> Response | tuple[Response, int]:
    """Remove a post from the viewer's bookmarks."""
    return _change(post_id, reactions.remove_bookmark)


@bp.post(f"{POST_ID}/repost")
@login_required
@limits.reacting
@writes_late
def repost(post_id: int) -> Response | tuple[Response, int]:
    """Repost a post to the viewer's followers."""
    return _change(post_id, reactions.repost, "reposts")


@bp.post(f"{POST_ID}/unrepost")
@login_required
@limits.reacting
@writes_late
def undo_repost(post_id: int) -> Response | tuple[Response, int]:
    """Undo the viewer's repost of a post."""
    return _change(post_id, reactions.undo_repost, "reposts")


@bp.get("/bookmarks")
@login_required
def bookmarks() -> str:
    """List the posts that the viewer has bookmarked, the latest bookmark first."""
    return _list("bookmarks", PostBookmark)


@bp.get("/likes")
@login_required
def likes() -> str:
    """List the posts that the viewer likes, the latest like first."""
    return _list("likes", PostLike)


def _change(
    post_id: int, change: Callable[[User, int], bool | None], number: str = "likes"
) -> Response | tuple[Response, int]:
    """Call `change(viewer, post_id)`, which adds or removes a reaction.

    If a script sent the request, respond with the new number of likes or reposts as JSON; `number` says which. If a
    form sent it, redirect to the page of the form. Respond with 404 if the viewer can't see the post, also if `change`
    has removed a reaction: the response doesn't tell whether the post still exists.
    """
    try:
        with write_transaction():
            is_visible = change(viewer(), post_id)
        refusal = str(reactions.NOT_AVAILABLE) if is_visible is False else ""
    except ActionError as error:
        refusal = str(error)
    if refusal:
        return (jsonify(error=refusal), 404) if wants_json() else abort(404)
    if wants_json():
        count = queries.like_count if number == "likes" else queries.repost_count
        value = count(viewer(), post_id)
        return jsonify({number: str(format_decimal(value)) if value else ""})
    back = safe_next(request.form.get("next")) or url_for("posts.show", post_id=post_id)
    return redirect(f"{back}#post-{post_id}", 303)


def _list(kind: str, model: type[PostLike] | type[PostBookmark]) -> str:
    size = page_size()
    rows = queries.reacted_to(viewer(), model, before=before_id(), size=size)
    posts = Page([post for post, _key in rows[:size]], rows[size - 1][1] if len(rows) > size else None)
    return render_template("posts/reactions.html", kind=kind, posts=posts)
