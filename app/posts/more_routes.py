"""Doors (HTTP) of posts: finding, translating, and taking them along."""

from __future__ import annotations

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_login import login_required
from werkzeug.wrappers import Response

from app.database import end_reading
from app.extensions import db
from app.i18n import _
from app.models import Post
from app.posts import actions, bp, translation
from app.posts.routes import POST_ID
from app.queries import search as found
from app.queries import timelines
from app.text.search import query_terms
from app.web import limits
from app.web.paging import Page, page
from app.web.viewer import viewer

LONGEST_QUERY = 200  # characters; more than anybody types


@bp.get("/search")
@login_required
def search() -> str:
    """Posts, or with ?in=people people, that have all the words of ?q=."""
    q = request.args.get("q", "")[:LONGEST_QUERY].strip()
    kind = "people" if request.args.get("in") == "people" else "posts"
    terms = query_terms(q)
    results: Page[object] = Page([], None)
    if terms:
        results = page(*(found.people(terms) if kind == "people" else found.posts(terms)))
    return render_template("posts/search.html", q=q, kind=kind, results=results)


@bp.post(f"{POST_ID}/translate")
@login_required
@limits.asking_for_translation
def translate(post_id: int) -> Response | tuple[Response, int]:
    """A post in the language of the page, as JSON; 503 and a sentence when the provider fails."""
    post = db.session.scalar(timelines.one(post_id)) or abort(404)
    target = str(get_locale())
    end_reading()  # nothing is held while the provider thinks
    provider = translation.provider()
    try:
        text = provider.translate(post.body, post.language, target)
    except translation.TranslationFailed as reason:
        current_app.logger.warning("post %d was not translated: %s", post_id, reason)
        sentence = _("This could not be translated just now. Please try again later.")
        return jsonify(error=sentence, message=sentence, status=503), 503
    return jsonify(text=text, language=target.replace("_", "-"), provider=provider.name)


@bp.app_template_global()
def can_translate(post: Post) -> bool:
    """Whether a post gets the button "Translate"."""
    return translation.useful(post.language, str(get_locale()))


@bp.post("/export_posts")
@login_required
@limits.exporting
def export() -> Response:
    """Order the file of all one's posts; the page of one's tasks shows how far it is."""
    _job, new = actions.order_export(viewer())
    db.session.commit()
    if new:
        flash(_("Your posts are being collected. You will get a mail when the file is ready."), "success")
    else:
        flash(_("Your posts are being collected already."), "info")
    return redirect(url_for("tasks.index"), 303)
