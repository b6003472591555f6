"""The page of a tag."""

from __future__ import annotations

import unicodedata

from flask import abort, render_template
from flask_login import login_required

from app.lib.text import rich
from app.lib.text.search import tag_key
from app.posts import bp
from app.queries import languages
from app.web.paging import page_of_posts
from app.web.viewer import viewer


@bp.get("/tag/<tag_name>")
@login_required
def tag(tag_name: str) -> str:
    """Show the posts and replies with a tag, newest first. `PostTag` says which posts these are.

    Omit posts in languages that the viewer doesn't read.
    """
    name, key = _checked(tag_name)
    query, values = languages.of_tag(viewer())
    posts = page_of_posts(query, viewer(), tag_key=key, **values)
    return render_template("posts/tag.html", name=name, posts=posts)


def _checked(name: str) -> tuple[str, str]:
    """Return the tag with this name, without "#", and its key. Respond with 404 if no post can have such a tag."""
    name = unicodedata.normalize("NFKC", name)
    key = tag_key(name)
    if not key or rich.tags(f"#{name}") != [name]:
        abort(404)
    return name, key
