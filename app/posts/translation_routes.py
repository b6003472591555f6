"""Route for translating a post into the reader's language."""

from __future__ import annotations

from flask import abort, current_app, jsonify
from flask_babel import get_locale
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.database import end_read_transaction
from app.core.i18n import _
from app.lib.locales import tag
from app.models import Post
from app.posts import bp, translation
from app.posts.routes import POST_ID
from app.queries import timelines
from app.web import limits
from app.web.viewer import viewer, writes_late


@bp.post(f"{POST_ID}/translate")
@login_required
@limits.asking_for_translation
@writes_late
def translate(post_id: int) -> Response | tuple[Response, int]:
    """Return a post translated to the language of the page, as JSON. If the provider fails, respond with 503."""
    post = timelines.one(viewer(), post_id) or abort(404)
    target = str(get_locale())
    end_read_transaction()  # hold no transaction while the provider responds
    provider = translation.provider()
    try:
        text = provider.translate(post.body, post.language, target)
    except translation.TranslationFailed as reason:
        current_app.logger.warning("post %d was not translated: %s", post_id, reason)
        sentence = _("Couldn't translate this. Please try again later.")
        return jsonify(error=sentence, status=503), 503
    return jsonify(text=text, language=tag(target), provider=provider.name)


@bp.app_template_global()
def can_translate(post: Post) -> bool:
    """Return whether to show the button "Translate" below a post."""
    return bool(post.body) and translation.is_useful(post.language, str(get_locale()))
