"""Routes that edit a post, show its history, and delete it and redraft its text."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _, languages
from app.models import Post, User
from app.posts import bp, editing, redrafting
from app.posts.drafts import Draft
from app.posts.editing import Edit, EditConflictError
from app.posts.forms import EditForm
from app.posts.languages import choices
from app.posts.routes import POST_ID
from app.queries import post_history, timelines
from app.web import limits
from app.web.paging import Page, before_id, page_size
from app.web.responses import flash_error
from app.web.viewer import viewer, write_transaction, writes_late


@bp.get(f"{POST_ID}/edit")
@login_required
def edit(post_id: int) -> str:
    """Show the form that edits the viewer's own post."""
    post = _own_post(post_id)
    fields = {"post": post.body, "warning": post.warning, "language": post.language, "revision": post.revision}
    return _edit_page(post, EditForm(formdata=None, data=fields))


@bp.post(f"{POST_ID}/edit")
@login_required
@limits.posting
@writes_late
def save_edit(post_id: int) -> Response | tuple[str, int]:
    """Edit the viewer's own post. If the edit is refused, show the form again with the submitted text.

    If the post was edited meanwhile, the page also shows the current text. Submitting the form again replaces it.
    """
    form = EditForm(request.form)
    try:
        with write_transaction():
            _own_post(post_id)
            editing.edit(viewer(), post_id, _submitted(form))
    except EditConflictError as conflict:
        flash_error(conflict, "warning")
        post = _own_post(post_id)
        form.revision.raw_data, form.revision.data = None, post.revision
        return _edit_page(post, form, is_outdated=True), 409
    except ActionError as refusal:
        flash_error(refusal)
        return _edit_page(_own_post(post_id), form), 422
    flash(_("Post updated."), "success")
    return redirect(url_for("posts.show", post_id=post_id, _anchor=f"post-{post_id}"), 303)


@bp.get(f"{POST_ID}/history")
@login_required
@limits.comparing
def history(post_id: int) -> str:
    """Show the versions of a post, newest first, to everyone who can see the post."""
    post = timelines.one(viewer(), post_id) or abort(404)
    found, older = post_history.versions(post, before=before_id(), size=page_size())
    return render_template("posts/history.html", post=post, versions=Page(found, older))


@bp.post(f"{POST_ID}/redraft")
@login_required
@limits.changing
@writes_late
def redraft(post_id: int) -> Response:
    """Delete the viewer's own post, and show its text in the composer."""
    return _redraft(post_id, redrafting.redraft, _("Post deleted. Its text is in the box below."))


@bp.post(f"{POST_ID}/undo")
@login_required
@limits.changing
@writes_late
def undo(post_id: int) -> Response:
    """Delete the post that the viewer has just published, and show its text in the composer."""
    return _redraft(post_id, redrafting.undo, _("Undone. Your text is in the box below."))


def _redraft(post_id: int, act: Callable[[User, Post], Draft | None], done: str) -> Response:
    """Call `act(viewer, post)`, and redirect to the form with the draft. A second request does nothing.

    Drafts have no images and no polls.
    """
    draft, has_images, has_poll = None, False, False
    try:
        with write_transaction():
            post = timelines.one(viewer(), post_id)
            if post is not None and post.author_id != viewer().id:
                abort(403)
            if post is not None:
                has_images, has_poll = post.has_images, post.poll_id is not None
                draft = act(viewer(), post)
    except ActionError as refusal:
        flash_error(refusal, "warning")
        return redirect(url_for("posts.show", post_id=post_id), 303)
    flash(done, "success")
    if has_poll:
        flash(_("The poll wasn't kept. You can add it again."), "info")
    if has_images:
        flash(_("The images weren't kept. You can add them again."), "info")
    if draft is not None and draft.reply_to_id is not None:
        return redirect(url_for("posts.show", post_id=draft.reply_to_id, _anchor="reply"), 303)
    if draft is not None and draft.quote_of_id is not None:
        return redirect(url_for("posts.quote", post_id=draft.quote_of_id, draft=draft.form_key), 303)
    return redirect(url_for("posts.home", _anchor="write"), 303)


def _own_post(post_id: int) -> Post:
    """Return the viewer's own post. Aborts with 404 if the viewer can't see it, and with 403 if it isn't theirs."""
    post = timelines.one(viewer(), post_id) or abort(404)
    return post if post.author_id == viewer().id else abort(403)


def _submitted(form: EditForm) -> Edit:
    revision = form.revision.data
    return Edit(
        body=form.post.data or "",
        warning=form.warning.data or "",
        language=form.language.data or "",
        revision=-1 if revision is None else revision,
        max_length=current_app.config["POST_MAX_LENGTH"],
    )


def _edit_page(post: Post, form: EditForm, *, is_outdated: bool = False) -> str:
    form.language.choices = choices(str(get_locale()), [form.language.data or ""], languages(), every=True)
    return render_template("posts/edit.html", post=post, form=form, is_outdated=is_outdated)
