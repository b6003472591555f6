"""Routes that show timelines and posts, publish, change and delete posts, and start a data export."""

from __future__ import annotations

from dataclasses import replace

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _, languages
from app.posts import actions, audience, bp, drafts, queries, scheduling, threads
from app.posts.actions import PostOptions
from app.posts.drafts import Draft
from app.posts.forms import LanguageForm, PostForm, ReplyForm
from app.posts.image_routes import uploaded_images
from app.posts.languages import choices, likely
from app.queries import languages as reading
from app.queries import quotes as quoted_posts
from app.queries import timelines
from app.queries.threads import is_path
from app.web import limits, reauth
from app.web.paging import before_id, cut_entries, page_of_posts, page_size, position
from app.web.responses import flash_error, go_back, new_form_key, wants_json
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late

POST_ID = f"/post/<{ID}:post_id>"


@bp.get("/index")
@bp.get("/")
@login_required
def home() -> str:
    """Show the composer with the viewer's draft, and the posts of the viewer and of members they follow."""
    return _home(PostForm(formdata=None), drafts.current(viewer()))


@bp.get("/timeline/news")
@login_required
def news() -> Response:
    """Return how many posts on the viewer's home timeline are at places above ?after=<place>, as JSON.

    An open page requests this when a poll reports a new post.
    """
    count, has_more = queries.new_post_count(viewer(), position("after") or 0)
    return jsonify(count=count, more=has_more)


@bp.get("/explore")
@login_required
def explore() -> str:
    """Show the posts that all members may see, newest first.

    Omit replies, posts that a mute or block hides, and posts in languages that the viewer doesn't read.
    """
    query, values = reading.explore(viewer())
    return render_template("posts/explore.html", posts=page_of_posts(query, viewer(), **values))


@bp.get(POST_ID)
@login_required
def show(post_id: int) -> str:
    """Show a post in its thread, with a form for a reply. The post's author can also delete it or set its language."""
    return _show(post_id, LanguageForm(formdata=None), ReplyForm(formdata=None))


@bp.post("/post")
@login_required
@limits.posting
@limits.uploading
@writes_late
def create() -> str | Response | tuple[str | Response, int]:
    """Publish a post, or schedule it if the form has a time.

    If the post is invalid, save it as a draft and show the form again. Send the error as JSON if a script asked.
    """
    form = PostForm(request.form)
    time = (form.publish_at.data or "").strip()
    body, options = form.post.data or "", options_of(form)
    try:
        with uploaded_images() as pictures, write_transaction():
            options = replace(options, pictures=pictures)
            if time:
                scheduling.schedule(viewer(), body, options, scheduling.moment_of(viewer(), time))
            else:
                post = actions.publish(viewer(), body, options)
    except ActionError as refusal:
        if wants_json():  # the script still has the text and the images
            return jsonify(error=str(refusal)), 422
        flash_error(refusal)
        _save_draft(body, options)
        return _home(form), 422
    if time:
        # NOTE: A post was scheduled.
        flash(_("Scheduled."), "success")
        return redirect(url_for("posts.scheduled"), 303)
    flash(_("Posted."), f"undo {post.id}")
    return _back()


@bp.post(f"{POST_ID}/reply")
@login_required
@limits.posting
@limits.uploading
@writes_late
def reply(post_id: int) -> str | Response | tuple[str | Response, int]:
    """Publish a reply to a post, and redirect to the reply in its thread. If it is rejected, show the form again.

    If a script sent the request, respond with JSON instead: the URL of the reply, or the error.
    """
    post, form = timelines.one(viewer(), post_id) or abort(404), ReplyForm(request.form)
    try:
        with uploaded_images() as pictures, write_transaction():
            options = replace(options_of(form), pictures=pictures)
            answer = actions.reply(viewer(), post, form.post.data or "", options)
    except ActionError as refusal:
        if wants_json():
            return jsonify(error=str(refusal)), 422
        flash_error(refusal)
        return _show(post_id, LanguageForm(formdata=None), form), 422
    flash(_("Posted."), f"undo {answer.id}")
    target = url_for("posts.show", post_id=answer.id, _anchor=f"post-{answer.id}")
    return (jsonify(url=target), 201) if wants_json() else redirect(target, 303)


@bp.get(f"{POST_ID}/quote")
@login_required
def quote(post_id: int) -> str:
    """Show a form for a post that quotes another one. ?draft=<form key> names a draft that the form begins with."""
    form, draft = PostForm(formdata=None), drafts.by_key(viewer(), request.args.get("draft", "")[:40])
    if draft.text:
        _restore(form, draft)
    return _quote(post_id, form)


@bp.post(f"{POST_ID}/quote")
@login_required
@limits.posting
@limits.uploading
@writes_late
def publish_quote(post_id: int) -> str | Response | tuple[str | Response, int]:
    """Publish a quote of a post, and redirect to the quote. If it is rejected, show the form again.

    If a script sent the request, respond with JSON instead: the URL of the quote, or the error.
    """
    if timelines.one(viewer(), post_id) is None:
        abort(404)
    form = PostForm(request.form)
    try:
        with uploaded_images() as pictures, write_transaction():
            options = replace(options_of(form), pictures=pictures, quote_of_id=post_id)
            post = actions.publish(viewer(), form.post.data or "", options)
    except ActionError as refusal:
        if wants_json():
            return jsonify(error=str(refusal)), 422
        flash_error(refusal)
        return _quote(post_id, form), 422
    flash(_("Posted."), f"undo {post.id}")
    target = url_for("posts.show", post_id=post.id)
    return (jsonify(url=target), 201) if wants_json() else redirect(target, 303)


@bp.get(f"{POST_ID}/quotes")
@login_required
def quotes(post_id: int) -> str:
    """List the quotes of a post, newest first."""
    post = timelines.one(viewer(), post_id) or abort(404)
    found = page_of_posts(quoted_posts.of_post(), viewer(), post_id=post.id)
    return render_template("posts/quotes.html", post=post, posts=found)


@bp.post(f"{POST_ID}/delete")
@login_required
@limits.changing
@writes_late
def delete(post_id: int) -> Response:
    """Delete the viewer's own post. If the post no longer exists, respond as if it had just been deleted."""
    with write_transaction():
        post = timelines.one(viewer(), post_id)
        if post is not None and post.author_id != viewer().id:
            abort(403)
        if post is not None:
            actions.delete(viewer(), post)
    flash(_("Post deleted."), "success")
    return _back()


@bp.post(f"{POST_ID}/language")
@login_required
@limits.changing
@writes_late
def set_language(post_id: int) -> str | Response | tuple[str, int]:
    """Change the language of the viewer's own post."""
    form = LanguageForm(request.form)
    try:
        with write_transaction():
            post = timelines.one(viewer(), post_id) or abort(404)
            if post.author_id != viewer().id:
                abort(403)
            actions.correct_language(viewer(), post, form.language.data or "")
    except ActionError as refusal:
        flash_error(refusal)
        return _show(post_id, form, ReplyForm(formdata=None)), 422
    flash(_("Language updated."), "success")
    return redirect(url_for("posts.show", post_id=post_id), 303)


@bp.get("/post/languages")
@login_required
def all_languages() -> Response:
    """Return all languages for posts as JSON: [code, name] pairs, with names in the language of the page."""
    response = jsonify(choices(_page_language(), [], languages(), every=True)[:-1])
    response.headers["Cache-Control"] = "private, max-age=86400"  # the URL contains the language
    return response


def options_of(form: PostForm) -> PostOptions:
    """Return the options of a post that a form contains."""
    return PostOptions(
        language=form.language.data or "",
        visibility=form.visibility.data or "",
        warning=form.warning.data or "",
        poll=form.poll(),
        form_key=(form.form_key.data or "")[:40],
        max_length=current_app.config["POST_MAX_LENGTH"],
    )


def _save_draft(body: str, options: PostOptions) -> None:
    if options.form_key:
        draft = Draft(body, options.language, options.visibility, options.warning, options.form_key)
        with write_transaction():
            drafts.save(viewer(), draft)


def _home(form: PostForm, draft: Draft | None = None) -> str:
    size = page_size()
    found, recent = queries.home(viewer(), before=before_id(), size=size)
    entries = cut_entries(found, size)
    chosen = draft.language if draft and draft.text else likely(_page_language(), recent)
    # A script loads the other 300 or so languages when the user starts to write. Without scripts, a link loads them.
    every = request.args.get("languages") == "all"
    _offer_languages(form, recent, chosen, every=every)
    if draft and draft.text:
        _restore(form, draft)
    form.visibility.data = form.visibility.data or audience.default_level(viewer())
    form.form_key.data = form.form_key.data or new_form_key()
    newest = found[0].place if found else 0  # even if it is hidden, so that older posts aren't offered as new
    return render_template("posts/home.html", entries=entries, form=form, newest=newest)


def _restore(form: PostForm, draft: Draft) -> None:
    form.post.data, form.form_key.data, form.language.data = draft.text, draft.form_key, draft.language
    form.visibility.data, form.warning.data = draft.visibility, draft.warning


def _show(post_id: int, form: LanguageForm, reply_form: ReplyForm) -> str:
    found = queries.one(viewer(), post_id) or abort(404)
    post, after = found.post, request.args.get("after", "")
    after = after if is_path(after) else ""
    thread = threads.around(viewer(), post, after=after, size=page_size())
    quoted_posts.load(viewer(), [post, *thread.posts()])
    _offer_languages(form, found.languages, post.language, every=True)
    every = request.args.get("languages") == "all"
    _offer_languages(reply_form, found.languages, likely(_page_language(), found.languages), every=every)
    if reply_form.post.data is None and found.draft_key:
        _restore(reply_form, drafts.by_key(viewer(), found.draft_key))
    reply_form.form_key.data = reply_form.form_key.data or new_form_key()
    if reply_form.post.data is None:  # it was not submitted, and has no draft
        names = audience.names_to_mention(viewer(), post)[: actions.MAX_MENTIONS]
        reply_form.post.data = "".join(f"@{name} " for name in names)
    reply_form.visibility.data = reply_form.visibility.data or audience.default_level(viewer(), post)
    return render_template("posts/show.html", post=post, form=form, reply_form=reply_form, thread=thread, after=after)


def _quote(post_id: int, form: PostForm) -> str:
    found = queries.one(viewer(), post_id) or abort(404)
    post = found.post
    if not audience.can_quote(viewer(), post):
        abort(403)
    every = request.args.get("languages") == "all"
    chosen = form.language.data or likely(_page_language(), found.languages)
    _offer_languages(form, found.languages, chosen, every=every)
    form.form_key.data = form.form_key.data or new_form_key()
    form.visibility.data = form.visibility.data or audience.default_level(viewer(), post)
    return render_template("posts/quote.html", post=post, form=form)


def _offer_languages(form: PostForm | LanguageForm, recent: list[str], chosen: str, *, every: bool) -> None:
    if form.language.raw_data:  # the request submitted this form, and not another one of the page
        chosen = form.language.data or ""
    form.language.choices = choices(_page_language(), [*recent, chosen], languages(), every=every)
    form.language.data = chosen


def _page_language() -> str:
    return str(get_locale())


def _back() -> Response:
    return go_back(url_for("posts.home"))


@bp.post("/export_posts")
@login_required
@reauth.password_needed(reauth.EXPORT_MAX_AGE)
@limits.exporting
@writes_late
def export() -> Response:
    """Start the viewer's data export as a background job. The Tasks page shows its progress."""
    with write_transaction():
        _job, new = actions.request_export(viewer())
    if new:
        flash(_("We're preparing your export and will notify you when it's ready."), "success")
    else:
        flash(_("We're already preparing your export."), "info")
    return redirect(url_for("tasks.index"), 303)
