"""Routes of scheduled posts: the author's list, and changing, publishing and deleting one."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _, languages
from app.models import ScheduledPost
from app.posts import bp, queries, scheduling
from app.posts.forms import PostForm
from app.posts.languages import choices
from app.posts.routes import options_of
from app.web import limits
from app.web.responses import flash_error
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late

SCHEDULED_ID = f"/scheduled/<{ID}:scheduled_id>"


@bp.get("/scheduled")
@login_required
def scheduled() -> str:
    """List the viewer's scheduled posts, the next one first."""
    return render_template("posts/scheduled.html", rows=queries.scheduled(viewer().id))


@bp.get(SCHEDULED_ID)
@login_required
def edit_scheduled(scheduled_id: int) -> str:
    """Show the form that changes a scheduled post of the viewer."""
    row = _own(scheduled_id)
    values = {"post": row.body, "language": row.language, "visibility": row.visibility, "warning": row.warning}
    values["publish_at"] = scheduling.local_time(viewer(), row.publish_at)
    return _page(row, PostForm(formdata=None, data=values))


@bp.post(SCHEDULED_ID)
@login_required
@limits.posting
@writes_late
def change_scheduled(scheduled_id: int) -> Response | tuple[str, int]:
    """Change a scheduled post of the viewer. If the change is refused, show the form again with the submitted text."""
    row, form = _own(scheduled_id), PostForm(request.form)
    try:
        with write_transaction():
            at = scheduling.moment_of(viewer(), form.publish_at.data or "")
            scheduling.change(viewer(), scheduled_id, form.post.data or "", options_of(form), at)
    except ActionError as refusal:
        flash_error(refusal)
        return _page(row, form), 422
    flash(_("Changes saved."), "success")
    return _list()


@bp.post(f"{SCHEDULED_ID}/publish")
@login_required
@limits.posting
@writes_late
def publish_scheduled(scheduled_id: int) -> Response:
    """Publish a scheduled post of the viewer now."""
    try:
        with write_transaction():
            post = scheduling.publish_now(viewer(), scheduled_id)
    except ActionError as refusal:
        flash_error(refusal)
        return _list()
    flash(_("Posted."), "success")
    return redirect(url_for("posts.show", post_id=post.id), 303)


@bp.post(f"{SCHEDULED_ID}/delete")
@login_required
@limits.changing
@writes_late
def delete_scheduled(scheduled_id: int) -> Response:
    """Delete a scheduled post of the viewer."""
    try:
        with write_transaction():
            scheduling.delete(viewer(), scheduled_id)
        flash(_("Post deleted."), "success")
    except ActionError as refusal:
        flash_error(refusal)
    return _list()


def _own(scheduled_id: int) -> ScheduledPost:
    return queries.scheduled_post(viewer().id, scheduled_id) or abort(404)


def _list() -> Response:
    return redirect(url_for("posts.scheduled"), 303)


def _page(row: ScheduledPost, form: PostForm) -> str:
    form.language.choices = choices(str(get_locale()), [form.language.data or ""], languages(), every=True)
    return render_template("posts/edit_scheduled.html", scheduled_id=row.id, form=form)
